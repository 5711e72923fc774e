"""Who may call the service: bearer tokens are verified here, for REST and MCP alike; none is issued.

`caller` says who calls, `tokens` verifies a token, `keys` holds the issuer's keys, `guard` refuses requests without a
token, `scopes` has `requires(…)` for routers, `refusals` the errors, `metadata` what RFC 9728 publishes.
"""
