"""Kernels: started warm or cold, spoken to over IPC sockets, and ended with everything they started."""
