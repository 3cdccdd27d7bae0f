"""Messages of a script, on the error stream."""

import logging as _logging

DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50

_logger = _logging.getLogger("ferrule.flow")

debug = _logger.debug
info = _logger.info
warn = warning = _logger.warning
error = _logger.error
fatal = _logger.critical
log = _logger.log


def set_verbosity(v: int) -> None:
    """Show messages from that level on."""
    _logger.setLevel(v)


def get_verbosity() -> int:
    """Return the level from which messages are shown."""
    return _logger.getEffectiveLevel()
