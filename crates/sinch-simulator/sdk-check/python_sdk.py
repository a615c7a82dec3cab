"""Usage: python python_sdk.py http://127.0.0.1:3001 (see README.md)"""

import json
import os
import sys
import time
import urllib.parse
import urllib.request

import phonenumbers
from sinch import SinchClient
from sinch.domains.verification.exceptions import VerificationException
from sinch.domains.verification.models import VerificationIdentity

HOST = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:3001"
NUMBER = f"+4673{int(time.time() * 1000) % 10_000_000:07}"

sinch = SinchClient(
    application_key=os.environ.get("SINCH_APPLICATION_KEY", "11111111-2222-3333-4444-555555555555"),
    application_secret=os.environ.get("SINCH_APPLICATION_SECRET", "MDEyMzQ1Njc4OWFiY2RlZg=="),
)
sinch.configuration.disable_https = True
sinch.configuration.verification_origin = urllib.parse.urlsplit(HOST).netloc

verifications = sinch.verification.verifications
status = sinch.verification.verification_status
identity = VerificationIdentity(type="number", endpoint=NUMBER)


def get(path):
    with urllib.request.urlopen(HOST + path) as answer:
        return json.load(answer)


def newest_code():
    return get("/inbox?number=" + NUMBER)["messages"][0]["code"]


def refused(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except VerificationException as error:
        return error.http_response.status_code, error.http_response.body["errorCode"]
    raise AssertionError("this should have been refused")


def check_sms():
    started = verifications.start_sms(
        identity=identity, reference=f"python-{NUMBER}", custom="åäö", expiry="00:05:00", template="Code {{CODE}}"
    )
    assert refused(verifications.report_sms_by_id, started.id, "none") == (400, 40003)
    assert status.get_by_id(started.id).status == "PENDING"
    assert verifications.report_sms_by_id(started.id, newest_code()).status == "SUCCESSFUL"
    assert status.get_by_reference(f"python-{NUMBER}").id == started.id
    assert status.get_by_identity(NUMBER, "sms").status == "SUCCESSFUL"


def check_calls():
    verifications.start_callout(identity=identity, speech_locale="en-US")
    assert verifications.report_phone_call_by_identity(NUMBER, newest_code()).status == "SUCCESSFUL"
    flash = verifications.start_flash_call(identity=identity, dial_timeout=10)
    assert verifications.report_flash_call_by_id(flash.id, "+" + newest_code()).status == "SUCCESSFUL"


def check_refusals():
    assert refused(status.get_by_id, "nope") == (404, 40400)
    wrong = VerificationIdentity(type="number", endpoint="+10000000000")
    assert refused(verifications.start_sms, identity=wrong) == (400, 40001)


def check_magic_numbers():
    for magic in get("/magic-numbers")["magic_numbers"]:
        number = phonenumbers.parse(magic["number"])
        assert phonenumbers.is_valid_number(number), magic
        assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE, magic


check_sms()
check_calls()
check_refusals()
check_magic_numbers()
print("sinch 1.1.4: all well")
