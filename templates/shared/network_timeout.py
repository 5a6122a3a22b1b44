@contextmanager
def network_timeout(seconds):
    """A network that does not answer for so many seconds counts as none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
