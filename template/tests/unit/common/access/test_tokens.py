import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from jwt import PyJWK, PyJWKSet

from bad_tokens import BAD_TOKENS, good_claims
from issue_token import AUDIENCE, LocalIssuer
from src.common.access.caller import Caller
from src.common.access.refusals import InvalidTokenError
from src.common.access.tokens import TokenVerifier
from src.common.config import Settings

DEV_TOKEN = "let me in"  # noqa: S105  # of this test
DEV_TOKENS: list[dict[str, Any]] = [
    {
        "sha256": sha256(DEV_TOKEN.encode()).hexdigest(),
        "subject": "ana",
        "audience": AUDIENCE,
        "scopes": ["seats:read"],
    },
    {"sha256": sha256(b"of another service").hexdigest(), "subject": "bob", "audience": "other"},
]


@pytest.fixture
def verifier(issuer: LocalIssuer) -> TokenVerifier:
    return TokenVerifier(Settings.model_validate(issuer.settings))


async def caller(verifier: TokenVerifier, issuer: LocalIssuer, **claims: Any) -> Caller:
    return await verifier.verify(issuer.sign(good_claims(**claims)))


async def test_a_token_says_who_calls(verifier: TokenVerifier, issuer: LocalIssuer) -> None:
    expires_at = int(time.time()) + 60

    found = await caller(verifier, issuer, client_id="app", scope="a:read b:write", exp=expires_at)

    assert found == Caller(
        subject="ana",
        scopes=frozenset({"a:read", "b:write"}),
        client="app",
        audiences=frozenset({AUDIENCE}),
        expires_at=expires_at,
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "a b"},
        {"scope": ["a", "b"]},
        {"scp": "a b"},
        {"scp": ["a", "b"]},
        {"scope": "a", "scp": ["b", 7, None]},
        {"scope": " a  b "},
    ],
)
async def test_scopes_are_read_as_issuers_write_them(
    verifier: TokenVerifier, issuer: LocalIssuer, claims: dict[str, Any]
) -> None:
    assert (await caller(verifier, issuer, **claims)).scopes == {"a", "b"}


@pytest.mark.parametrize("scope", [7, None, {"a": 1}, [["a"]], True, "", []])
async def test_a_scope_of_another_type_is_none(verifier: TokenVerifier, issuer: LocalIssuer, scope: object) -> None:
    assert (await caller(verifier, issuer, scope=scope)).scopes == frozenset()


@pytest.mark.parametrize(
    ("claims", "client"),
    [({"client_id": 42}, "42"), ({"azp": "app"}, "app"), ({"client_id": ["app"]}, None), ({"client_id": "a"}, "a")],
)
async def test_a_client_is_a_text(
    verifier: TokenVerifier, issuer: LocalIssuer, claims: dict[str, Any], client: str | None
) -> None:
    assert (await caller(verifier, issuer, **claims)).client == client


async def test_a_client_without_a_user_is_the_subject(verifier: TokenVerifier, issuer: LocalIssuer) -> None:
    assert (await caller(verifier, issuer, sub=None, client_id=42)).subject == "42"


@pytest.mark.parametrize(
    "exp", [time.time() + 9999.5, str(int(time.time()) + 9999), 2**40], ids=["float", "text", "far"]
)
async def test_an_expiry_may_have_any_form_of_a_number(
    verifier: TokenVerifier, issuer: LocalIssuer, exp: float
) -> None:
    assert (await caller(verifier, issuer, exp=exp)).expires_at == float(exp)


async def test_one_of_several_audiences_is_enough(verifier: TokenVerifier, issuer: LocalIssuer) -> None:
    assert (await caller(verifier, issuer, aud=["other", AUDIENCE])).audiences == {"other", AUDIENCE}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_a_bad_token_is_refused(verifier: TokenVerifier, issuer: LocalIssuer, name: str) -> None:
    token = BAD_TOKENS[name](issuer)

    with pytest.raises(InvalidTokenError) as refusal:
        await verifier.verify(token)

    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


async def test_a_token_that_is_signed_by_another_is_refused(
    verifier: TokenVerifier, issuer: LocalIssuer, tmp_path: Path
) -> None:
    forged = LocalIssuer(tmp_path).sign(good_claims(), headers={"kid": issuer.key_id})

    with pytest.raises(InvalidTokenError, match="signature or a claim is wrong"):
        await verifier.verify(forged)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("expired", "has expired"),
        ("another audience", "for another audience"),
        ("another issuer", "of another issuer"),
        ("unknown kid", "a key that its issuer does not publish"),
        ("alg none", "signed with a public-key algorithm"),
    ],
)
async def test_the_usual_reasons_are_named(verifier: TokenVerifier, issuer: LocalIssuer, name: str, said: str) -> None:
    with pytest.raises(InvalidTokenError, match=said):
        await verifier.verify(BAD_TOKENS[name](issuer))


async def test_the_clocks_may_differ_a_little(verifier: TokenVerifier, issuer: LocalIssuer) -> None:
    now = time.time()

    await caller(verifier, issuer, exp=now - 10, nbf=now + 10, iat=now + 10)

    with pytest.raises(InvalidTokenError, match="expired"):
        await caller(verifier, issuer, exp=now - 31)


async def test_without_a_kid_the_only_key_is_meant(verifier: TokenVerifier, issuer: LocalIssuer) -> None:
    found = await verifier.verify(issuer.sign(good_claims(), headers={"kid": None}))

    assert found.subject == "ana"


async def test_a_verified_token_is_remembered_until_it_expires(
    issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier(Settings.model_validate({**issuer.settings, "oidc_leeway_s": 0}))
    token = issuer.sign(good_claims(exp=time.time() + 1.5))
    found = await verifier.verify(token)

    assert await verifier.verify(token) is found
    later = time.monotonic() + 2
    monkeypatch.setattr("src.common.access.tokens.time.monotonic", lambda: later)
    assert (await verifier._verify_jwt(token)) == found  # the wall clock still accepts it
    assert await verifier.verify(token) is not found


async def test_only_so_many_tokens_are_remembered(
    verifier: TokenVerifier, issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.common.access.tokens.REMEMBERED_TOKENS", 2)
    tokens = [issuer.issue(subject=f"user {number}") for number in range(3)]
    first, *others = [await verifier.verify(token) for token in tokens]

    assert await verifier.verify(tokens[2]) is others[1]
    assert await verifier.verify(tokens[0]) is not first


async def test_a_key_that_is_withdrawn_ends_its_tokens(issuer: LocalIssuer, tmp_path: Path) -> None:
    published = [LocalIssuer(tmp_path / "old"), issuer]
    old = published[0]

    def fetch() -> Sequence[PyJWK]:
        return [key for each in published for key in PyJWKSet.from_dict(each.jwks).keys]

    verifier = TokenVerifier(Settings.model_validate(issuer.settings), fetch=fetch, remembered_s=0)
    verifier._keys._max_age_s = verifier._keys._pause_s = 0
    assert (await verifier.verify(old.issue())).subject == "developer"

    published.remove(old)
    await verifier.verify(issuer.issue())
    assert verifier._keys._fetching
    await verifier._keys._fetching
    with pytest.raises(InvalidTokenError, match="does not publish"):
        await verifier.verify(old.issue())


@pytest.fixture
def with_dev_tokens(issuer: LocalIssuer) -> Callable[..., TokenVerifier]:
    def with_dev_tokens(**others: Any) -> TokenVerifier:
        return TokenVerifier(Settings.model_validate({**issuer.settings, "dev_tokens": DEV_TOKENS, **others}))

    return with_dev_tokens


async def test_a_development_token_is_known_by_its_hash(with_dev_tokens: Callable[..., TokenVerifier]) -> None:
    expected = Caller(subject="ana", scopes=frozenset({"seats:read"}), audiences=frozenset({AUDIENCE}))

    assert await with_dev_tokens().verify(DEV_TOKEN) == expected
    assert await with_dev_tokens(oidc_issuer="").verify(DEV_TOKEN) == expected


async def test_beside_development_tokens_the_issuer_is_trusted_as_well(
    with_dev_tokens: Callable[..., TokenVerifier], issuer: LocalIssuer
) -> None:
    assert (await with_dev_tokens().verify(issuer.issue())).subject == "developer"
    with pytest.raises(InvalidTokenError):
        await with_dev_tokens(oidc_issuer="").verify(issuer.issue())


@pytest.mark.parametrize("token", ["let me in ", "", "of another service", DEV_TOKENS[0]["sha256"]])
async def test_another_word_is_no_development_token(with_dev_tokens: Callable[..., TokenVerifier], token: str) -> None:
    with pytest.raises(InvalidTokenError):
        await with_dev_tokens().verify(token)
