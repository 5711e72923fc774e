"""The application as `test_issuer_outage.py` runs it: it asks the issuer for keys after 0.1 s again, not after 10 s."""

from functools import partialmethod

from src.common.access.keys import IssuerKeys
from src.common.config import get_settings
from src.cos_main import create_app

IssuerKeys.__init__ = partialmethod(IssuerKeys.__init__, pause_s=0.1)  # type: ignore[method-assign, assignment]

app = create_app(get_settings())
