# SPDX-License-Identifier: Apache-2.0
"""Authorities, and the certificates that they sign: by openssl, for this host's loopback address."""

import copy
import os
import subprocess


class Authority:
    """Makes certificates."""

    def __init__(self, folder, name):
        self.folder = folder
        self.certificate, self.key = self.made(name, "-x509", "-addext", "basicConstraints=critical,CA:TRUE")

    def made(self, name, *arguments):
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        subprocess.run(["openssl", "req", *arguments, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", certificate, "-subj", f"/CN={name}",
                        *(("-days", "2") if "-x509" in arguments else ())],
                       stdin=subprocess.DEVNULL, capture_output=True, check=True)
        os.chmod(key, 0o600)
        return certificate, key

    def below(self, name):
        """An authority that this one signed."""
        other = copy.copy(self)
        other.certificate, other.key = self.signed(name, "basicConstraints=critical,CA:TRUE")
        return other

    def signed(self, name, extension="subjectAltName=DNS:localhost,IP:127.0.0.1"):
        """Another one each time, under the same name if it is the same."""
        wish, key = self.made(name + "-wish")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(extension + "\n")
        certificate = self.folder / f"{name}.pem"
        subprocess.run(["openssl", "x509", "-req", "-in", wish, "-CA", self.certificate, "-CAkey", self.key,
                        "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate],
                       stdin=subprocess.DEVNULL, capture_output=True, check=True)
        return certificate, key
