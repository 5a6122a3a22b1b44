"""What is imported before kernels are forked."""
