"""One notebook in several Colab runtimes: environments like them, the runs, the comparison, the bisection."""
