"""What tests of many modules use."""
