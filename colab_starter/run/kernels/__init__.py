"""Kernels: started warm or cold, reached over IPC sockets, and ended with everything they started."""
