"""Makes `common_passwords.txt` from two published lists; README.md says which.

    pip download --no-deps django==5.2.19
    npm pack @zxcvbn-ts/language-common@4.1.3
    python common_passwords.py django-5.2.19-*.whl zxcvbn-ts-language-common-4.1.3.tgz > common_passwords.txt
"""

import gzip
import json
import sys
import tarfile
import unicodedata
import zipfile

# UTF-8 that somebody read in a wrong encoding; nobody types it.
MOJIBAKE = "пїѕ"


def django(wheel):
    packed = zipfile.ZipFile(wheel).read("django/contrib/auth/common-passwords.txt.gz")
    return gzip.decompress(packed).decode().splitlines()


def zxcvbn(tarball):
    with tarfile.open(tarball) as package:
        return json.load(package.extractfile("package/src/passwords.json"))


def folded(password):
    return unicodedata.normalize("NFC", password.lower())


def allowed(password):
    return 8 <= len(password) <= 128 and MOJIBAKE not in password and password.strip() == password


def main():
    passwords = {folded(password) for password in [*django(sys.argv[1]), *zxcvbn(sys.argv[2])]}
    for password in sorted(filter(allowed, passwords), key=str.encode):
        print(password)


if __name__ == "__main__":
    main()
