"""HTTPS: with a given certificate, or with one made here.

Browsers give a page the camera over HTTPS only, this machine's own address aside.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import re
import secrets
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn.errors import EdgeCNNError, MissingFileError, MissingPackageError
from edgecnn.web.address import Address, own_address

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["Tls", "given_certificate", "own_certificate"]

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
#: As long as phones accept one at most.
_DAYS = 825
_RENEW_DAYS = 30


@dataclass(frozen=True)
class Tls:
    """What a server speaks HTTPS with.

    Attributes
    ----------
    context : ssl.SSLContext
    fingerprint : str
        SHA-256 of the certificate, as browsers show it.
    about : str
        Where the certificate comes from, for people.
    """

    context: ssl.SSLContext
    fingerprint: str
    about: str


def given_certificate(certificate: Path, key: Path | None = None) -> Tls:
    """Use a certificate from PEM files.

    Parameters
    ----------
    certificate : Path
        The certificate, then those that vouch for it; may hold the key too.
    key : Path, optional

    Raises
    ------
    MissingFileError
        One of them is not there.
    EdgeCNNError
        They are no certificate and its key, or the key has a password.
    """
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise MissingFileError(f"no such file: {path}")
    try:
        found = _CERTIFICATE.search(certificate.read_bytes())
        if found is None:
            raise EdgeCNNError(
                f"{certificate} holds no certificate",
                hint="a PEM file is wanted: BEGIN CERTIFICATE",
            )
        return Tls(_context(certificate, key), _fingerprint(found[0]), f"from {certificate}")
    except ssl.SSLError as error:
        held = key or certificate
        raise EdgeCNNError(
            f"{certificate} cannot be used with the key in {held}: {error.reason or error}",
            hint="--tls-key names the file of the key, where it is not in the certificate's",
        ) from error
    except OSError as error:
        raise EdgeCNNError(f"cannot read {error.filename}: {error.strerror}") from error


def own_certificate(addresses: Sequence[Address], folder: Path | None = None) -> Tls:
    """Use a certificate that this machine made for itself, and make it where there is none.

    It is kept, so that who accepted it once is not asked again; nobody else vouches for it, which
    is why its fingerprint is there to be compared.

    Parameters
    ----------
    addresses : sequence of Address
        Where it is used.
    folder : Path, optional
        Where it is kept; the default is the user's folder for such things.

    Raises
    ------
    MissingPackageError
        The extra ``web`` is not installed.
    """
    folder = folder or _folder()
    path = folder / "own.pem"
    names = tuple(sorted({name for address in addresses for name in _names(address)}))
    with suppress(OSError, ValueError, ssl.SSLError):
        kept = path.read_bytes()
        if _serves(kept, names):
            about = f"self-made, kept in {path}"
            return Tls(_context(path, None), _fingerprint(kept), about)
    made = _make(names)
    try:
        _keep(path, made)
        about = f"self-made, kept in {path}"
    except OSError:
        about = "self-made, and not kept: there is no place for it"
    with _in_memory(made) as file:
        return Tls(_context(file, None), _fingerprint(made), about)


def _context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])

    def refuse() -> str:
        # OpenSSL would ask on the terminal, where a service has nobody who answers.
        raise EdgeCNNError(
            f"the key in {key or certificate} has a password", hint="remove it first"
        )

    context.load_cert_chain(certificate, key, password=refuse)
    return context


def _fingerprint(pem: bytes) -> str:
    found = _CERTIFICATE.search(pem)
    assert found is not None
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0].decode())).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "edgecnn" / "tls"


def _names(address: Address) -> set[str]:
    """Return the names and addresses that browsers may call this machine by."""
    host = socket.gethostname().lower()
    names = {"localhost", "127.0.0.1", "::1"}
    if not address.loopback:
        names |= {host, f"{host.partition('.')[0]}.local", own_address(socket.AF_INET)}
        if not address.everywhere:
            names.add(address.host.lower())
    return names - {""}


def _serves(pem: bytes, names: tuple[str, ...]) -> bool:
    """Tell whether a kept certificate is good for these names, and for a while."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(pem)
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    held = {str(name.value) for name in extension}
    return left.days >= _RENEW_DAYS and held >= set(names)


def _make(names: tuple[str, ...]) -> bytes:
    """Make a key and a certificate for it, both as PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise MissingPackageError(
            "a self-made certificate needs cryptography, which is not installed",
            hint="pip install 'edgecnn[web]', or name a certificate: --tls FILE",
        ) from error
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edgecnn")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A device whose clock is behind must not take it for one of the future.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS - 1))
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _keep(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _in_memory(content: bytes) -> Iterator[Path]:
    """Yield the path of a file that is on no disk."""
    descriptor = os.memfd_create("certificate")
    try:
        os.write(descriptor, content)
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
