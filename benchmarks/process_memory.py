"""Reads how much memory a process takes. Linux only."""


def resident(field):
    """Returns MB of memory that this process holds (VmRSS) or has held at most (VmHWM)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024
