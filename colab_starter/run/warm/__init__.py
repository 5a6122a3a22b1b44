"""Planning what is preloaded before kernels are forked."""
