"use strict";
// Usage: node node-sdk.cjs http://127.0.0.1:3001 (see README.md)

const assert = require("node:assert/strict");
const { Verification, VerificationService } = require("@sinch/verification");

const host = process.argv[2] ?? "http://127.0.0.1:3001";
const sinch = new VerificationService({
  applicationKey: process.env.SINCH_APPLICATION_KEY ?? "11111111-2222-3333-4444-555555555555",
  applicationSecret: process.env.SINCH_APPLICATION_SECRET ?? "MDEyMzQ1Njc4OWFiY2RlZg==",
});
sinch.setHostname(host);

const { startVerificationHelper, reportVerificationByIdHelper, reportVerificationByIdentityHelper } = Verification;
const number = `+4670${String(Date.now() % 10_000_000).padStart(7, "0")}`;

async function newestCode() {
  const answer = await fetch(`${host}/inbox?number=${encodeURIComponent(number)}`);
  return (await answer.json()).messages[0].code;
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { status: error.statusCode, ...JSON.parse(error.data) };
  }
  throw new Error("this should have been refused");
}

async function checkSms() {
  const reference = `ref 1/ü ${Date.now()}`;
  const options = { expiry: "00:10:00", codeType: "Numeric", locale: "sv-SE" };
  const started = await sinch.verifications.startSms(startVerificationHelper.buildSmsRequest(number, reference, options));
  assert.equal(started.sms.template, "Din verifieringskod är {{CODE}}.");
  assert.equal(started.sms.interceptionTimeout, 598);

  const wrong = await refusal(sinch.verifications.reportSmsById(reportVerificationByIdHelper.buildSmsRequest(started.id, "none")));
  assert.deepEqual([wrong.status, wrong.errorCode], [400, 40003]);
  assert.equal((await sinch.verificationStatus.getById({ id: started.id })).status, "PENDING");

  const code = await newestCode();
  const right = await sinch.verifications.reportSmsById(reportVerificationByIdHelper.buildSmsRequest(started.id, code));
  assert.deepEqual([right.id, right.status], [started.id, "SUCCESSFUL"]);
  const status = await sinch.verificationStatus.getByReference({ reference });
  assert.deepEqual([status.id, status.status, status.countryId, status.source], [started.id, "SUCCESSFUL", "SE", "manual"]);
  assert.equal(status.price.verificationPrice.currencyId, "EUR");
}

async function checkCalls() {
  const callout = await sinch.verifications.startPhoneCall(startVerificationHelper.buildPhoneCallRequest(number, undefined, "sv-SE"));
  const byNumber = reportVerificationByIdentityHelper.buildPhoneCallRequest(number, await newestCode());
  assert.equal((await sinch.verifications.reportPhoneCallByIdentity(byNumber)).status, "SUCCESSFUL");
  const status = await sinch.verificationStatus.getByIdentity({ method: "phonecall", endpoint: number });
  assert.deepEqual([status.id, status.callResult], [callout.id, "ANSWERED"]);

  const flash = await sinch.verifications.startFlashCall(startVerificationHelper.buildFlashCallRequest(number, undefined, 10));
  const cli = `+${await newestCode()}`;
  assert.match(cli, new RegExp(flash.flashCall.cliFilter));
  const report = reportVerificationByIdHelper.buildFlashCallRequest(flash.id, cli);
  assert.equal((await sinch.verifications.reportFlashCallById(report)).status, "SUCCESSFUL");
}

async function checkDataAndWhatsApp() {
  const data = await sinch.verifications.startData(startVerificationHelper.buildDataRequest(number));
  assert.equal((await fetch(data.seamless.targetUri)).status, 200);
  assert.equal((await sinch.verificationStatus.getById({ id: data.id })).status, "SUCCESSFUL");

  const chat = await sinch.verifications.startWhatsApp(startVerificationHelper.buildWhatsAppRequest(number));
  const report = reportVerificationByIdHelper.buildWhatsAppRequest(chat.id, await newestCode());
  assert.equal((await sinch.verifications.reportWhatsAppById(report)).status, "SUCCESSFUL");
}

async function checkRefusals() {
  const short = await refusal(sinch.verifications.startSms(startVerificationHelper.buildSmsRequest("+4813")));
  assert.deepEqual([short.errorCode, short.message], [40001, "Number +4813 is invalid.  Too short."]);
  const unknown = await refusal(sinch.verificationStatus.getById({ id: "nope" }));
  assert.deepEqual([unknown.status, unknown.errorCode], [404, 40400]);
}

async function main() {
  await checkSms();
  await checkCalls();
  await checkDataAndWhatsApp();
  await checkRefusals();
  console.log("@sinch/verification: all well");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
