"""The id of the request that is being served."""


def current_request_id() -> str | None:
    """Return the id of the request that this code runs for, or None outside of one."""
    return None
