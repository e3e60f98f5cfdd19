"""Signatures equal the published ones, and what is signed with is never shown."""

from __future__ import annotations

import base64
import traceback

import pytest

from rxkraken.protocol.signing import Hidden, HiddenBytes, sign

OFFICIAL = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
NONCE = "1616492376594"


@pytest.mark.parity("K2-08")
@pytest.mark.parity("K0-63")
@pytest.mark.parametrize(
    ("secret", "path", "body", "signature"),
    [
        pytest.param(
            OFFICIAL,
            "/0/private/AddOrder",
            "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
            id="official",
        ),
        pytest.param(
            "cHl0aG9uLWtyYWtlbi1zZGsgdW5pdC10ZXN0IHNlY3JldCB2YWx1ZQ==",
            "/0/private/AddOrder",
            "nonce=1616492376594&ordertype=limit&pair=XBTUSD",
            "Fo+0Uhanvs3F1byZFCjVBMLsCcRE2xLQMDpoA3Q9hawoZ0ZL35AmbknAQBlOIs4baRx9UGhzQH+/CTl9qnyp1w==",
            id="second public",
        ),
        pytest.param(
            OFFICIAL,
            "/0/private/GetWebSocketsToken",
            "nonce=1616492376594",
            "+mRDmY9Ks0Moc1zjv/BjfvYa98buO0x1yHChZR5onlfAzAUbfIYlLggUZzdQ0RsmXm4Sh+Q8iAIZdo2wSeHeiA==",
            id="token",
        ),
        pytest.param(
            OFFICIAL,
            "/0/private/CancelOrderBatch",
            '{"nonce":"1616492376594","orders":["OU22CG-KLAF2-FWUDD7","OUF4EM-FRGI2-MQMWZD"]}',
            "55dw8vtJPYS9q34nDgTv1JvkgZirjrYTN2s85/BCR6US7KqtpEWsv5JemIUh/e3f53HqjcvffW1lVsi+dX+qbg==",
            id="json",
        ),
    ],
)
def test_signatures_equal_the_published_vectors(secret, path, body, signature):
    """Rest reference sections 2.1 to 2.3."""
    assert sign(base64.b64decode(secret), path, NONCE, body.encode()) == signature


def test_a_changed_byte_changes_the_signature():
    key = base64.b64decode(OFFICIAL)
    signed = {sign(key, path, NONCE, body) for path in ("/0/private/A", "/0/private/B") for body in (b"a", b"b")}
    assert len(signed) == 4


def test_hidden_text_is_sent_but_not_shown():
    """It is the text for whoever sends it, and `<hidden>` for whoever looks at it."""
    text = Hidden("abc")
    assert (text, str(text), f"{text}", len(text), text.encode()) == ("abc", "abc", "abc", 3, b"abc")
    assert (repr(text), repr({"API-Sign": text}), f"{text!r}") == ("<hidden>", "{'API-Sign': <hidden>}", "<hidden>")


def test_hidden_bytes_are_sent_but_not_shown():
    body = HiddenBytes(b"abc")
    assert body == b"abc"
    assert [repr(body), str(body), f"{body!r}"] == ["<hidden>"] * 3


def test_a_traceback_with_locals_shows_no_signature():
    def fails():
        header = sign(b"key", "/0/private/Balance", "1", b"nonce=1")
        assert not header

    with pytest.raises(AssertionError) as caught:
        fails()
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "header = <hidden>" in shown
    assert str(sign(b"key", "/0/private/Balance", "1", b"nonce=1")) not in shown
