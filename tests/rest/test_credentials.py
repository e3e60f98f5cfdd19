"""Credentials come from arguments, the environment or a private file; the secret goes nowhere."""

from __future__ import annotations

import copy
import json
import os
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.credentials import Credentials
from rxkraken.errors import InvalidArgument, MissingCredentials

KEY = "8lYcVlqJ4lvfLmNBMEkFMhmF8sdvMO7qcS0vTNGrfNWLZoEXAMPLEKEY"
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
OTP = "static-otp-password"


def is_same(found: Credentials, otp: str | None = None) -> bool:
    given = Credentials(KEY, SECRET)
    signature = given.sign("/0/private/Balance", "1", b"nonce=1")
    return (found.key, found.otp(), found.sign("/0/private/Balance", "1", b"nonce=1")) == (KEY, otp, signature)


def library_locals(error: BaseException) -> str:
    """What a traceback that prints local variables shows of the library's own frames."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    return "".join(str(frame.locals) for frame in frames if "/rxkraken/" in frame.filename)


def private_file(folder, text: str, mode: int = 0o600):
    path = folder / "kraken.key"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parity("K0-60")
def test_looking_at_credentials_shows_the_beginning_of_the_key_only():
    credentials = Credentials(KEY, SECRET, OTP)
    for shown in (repr(credentials), str(credentials), f"{credentials}", repr({"c": credentials})):
        assert "8lYc..." in shown
        for hidden in (KEY, SECRET, OTP):
            assert hidden not in shown
    assert repr(Credentials("short", SECRET)) == "Credentials(key='...', secret=<hidden>)"


def test_credentials_refuse_to_be_pickled():
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Credentials(KEY, SECRET))


def test_a_copy_is_the_same_object():
    credentials = Credentials(KEY, SECRET)
    assert copy.copy(credentials) is credentials
    assert copy.deepcopy({"inside": credentials})["inside"] is credentials


@pytest.mark.parametrize("secret", ["not base64!", SECRET[:-1], "", None, 5, "kQH5 HW/8"])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret):
    """Not in the message, and not in a traceback that prints local variables."""
    with pytest.raises(InvalidArgument, match="secret is") as caught:
        Credentials(KEY, secret)
    shown = library_locals(caught.value)
    assert "self" in shown
    if secret:
        assert str(secret) not in shown + str(caught.value)


@pytest.mark.parametrize("key", ["", " ", "with space", "with\nnewline", "ключ", None])
def test_a_key_that_is_none_is_refused(key):
    with pytest.raises(InvalidArgument, match="API key is empty"):
        Credentials(key, SECRET)


def test_key_and_secret_in_each_others_place_show_neither():
    for key, secret in ((SECRET, "my key !"), (f" {SECRET}", SECRET)):
        with pytest.raises(InvalidArgument) as caught:
            Credentials(key, secret)
        shown = library_locals(caught.value)
        assert "self" in shown
        assert SECRET[:4] not in shown + str(caught.value)


@pytest.mark.parity("K1-26")
def test_a_one_time_password_is_static_or_asked_for_each_time():
    codes = iter(["111111", "222222"])
    asked = Credentials(KEY, SECRET, lambda: next(codes))
    assert [asked.otp(), asked.otp()] == ["111111", "222222"]
    assert Credentials(KEY, SECRET, OTP).otp() == OTP
    assert Credentials(KEY, SECRET).otp() is None


@pytest.mark.parametrize("otp", ["", 123456])
def test_a_one_time_password_that_is_none_is_refused(otp):
    with pytest.raises(InvalidArgument, match="otp must be"):
        Credentials(KEY, SECRET, otp)


def test_the_environment_gives_credentials():
    environ = {"KRAKEN_API_KEY": KEY, "KRAKEN_API_SECRET": f" {SECRET}\n"}
    assert is_same(Credentials.from_env(environ))
    assert is_same(Credentials.from_env(environ | {"KRAKEN_API_OTP": OTP}), OTP)


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("KRAKEN_API_KEY", KEY)
    monkeypatch.setenv("KRAKEN_API_SECRET", SECRET)
    monkeypatch.delenv("KRAKEN_API_OTP", raising=False)
    assert is_same(Credentials.from_env())


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "KRAKEN_API_KEY and KRAKEN_API_SECRET not set"),
        ({"KRAKEN_API_KEY": KEY}, "^KRAKEN_API_SECRET not set"),
        ({"KRAKEN_API_KEY": " ", "KRAKEN_API_SECRET": SECRET}, "^KRAKEN_API_KEY not set"),
    ],
)
def test_a_missing_variable_is_named(environ, named):
    with pytest.raises(MissingCredentials, match=named):
        Credentials.from_env(environ)


def test_a_bad_variable_is_blamed_on_the_environment_without_being_shown():
    with pytest.raises(InvalidArgument, match="the environment: the API secret is not base64") as caught:
        Credentials.from_env({"KRAKEN_API_KEY": KEY, "KRAKEN_API_SECRET": "oh-so-secret"})
    shown = library_locals(caught.value)
    assert "oh-so-secret" not in shown + str(caught.value)


@pytest.mark.parametrize(
    ("text", "otp"),
    [
        (f"{KEY}\n{SECRET}\n", None),
        (f"# the key for the bot\n\n  {KEY}\n{SECRET}\n{OTP}\n", OTP),
        (f"KRAKEN_API_KEY={KEY}\nKRAKEN_API_SECRET={SECRET}\n", None),
        (f"export KRAKEN_API_KEY=\"{KEY}\"\nexport KRAKEN_API_SECRET='{SECRET}'\nKRAKEN_API_OTP={OTP}\nOTHER=1", OTP),
        (f"key = {KEY}\nsecret = {SECRET}", None),
        (json.dumps({"key": KEY, "secret": SECRET, "otp": OTP, "note": "x"}), OTP),
        ("\ufeff" + json.dumps({"api_key": KEY, "api_secret": SECRET}), None),
    ],
)
def test_a_private_file_gives_credentials_in_each_documented_format(tmp_path, text, otp):
    assert is_same(Credentials.from_file(private_file(tmp_path, text)), otp)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_file_that_others_may_read_is_refused_with_the_command_that_helps(tmp_path, mode):
    path = private_file(tmp_path, f"{KEY}\n{SECRET}", mode)
    with pytest.raises(InvalidArgument, match=rf"mode {mode:o}.*chmod 600 {path}"):
        Credentials.from_file(path)


@pytest.mark.parametrize("text", ["", "one line", "{", '{"key": "k"}', '{"a":' * 5000, f"key={KEY}", "a\nb\nc\nd"])
def test_a_file_without_key_and_secret_is_refused_without_being_quoted(tmp_path, text):
    with pytest.raises(InvalidArgument, match="holds no key and secret; write them on two lines"):
        Credentials.from_file(private_file(tmp_path, text))


def test_a_file_with_a_bad_secret_is_named_and_not_quoted(tmp_path):
    path = private_file(tmp_path, f"{KEY}\noh-so-secret\n")
    with pytest.raises(InvalidArgument, match=r"kraken\.key: the API secret is not base64") as caught:
        Credentials.from_file(path)
    shown = library_locals(caught.value)
    assert "oh-so-secret" not in shown + str(caught.value)


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path):
    with pytest.raises(InvalidArgument, match="cannot read the credentials file"):
        Credentials.from_file(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for odd in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InvalidArgument, match="not a regular file"):
            Credentials.from_file(odd)


@given(st.binary(max_size=300))
def test_no_file_content_breaks_the_reader(tmp_path_factory, content):
    """Any bytes give credentials or an `InvalidArgument`."""
    path = tmp_path_factory.mktemp("keys") / "any"
    path.write_bytes(content)
    path.chmod(0o600)
    try:
        found = Credentials.from_file(path)
    except InvalidArgument as error:
        assert str(path) in str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert found.key
