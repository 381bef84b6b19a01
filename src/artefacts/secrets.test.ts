/** Credentials, made up here, and what looks like one and is none. */
import { describe, expect, test } from "vitest";
import { scanned } from "../../test/support/scan.ts";
import { bytes } from "../../test/support/pickle.ts";
import { secretsIn } from "./secrets.ts";

// Put together here, so that no scanner of repositories stumbles over this file.
const letters = "kT9xQm2LzR7vWb4NcY8pHs3JdFg6AeUoKiVtXnMqZrLwBsDyCf5hGj1PuEaOv0TI";
const cut = (from: number, length: number): string => letters.repeat(3).slice(from, from + length);
const onlyLetters = (length: number): string => letters.repeat(3).replace(/\d/g, "").slice(0, length);

describe("a credential is found, and shown by four letters only:", () => {
  test.each<[string, string, boolean]>([
    ["an AWS access key", `AKIA${"Q7ZX3MNB5VLK2JHG"}`, true],
    ["an AWS secret key", `aws_secret_access_key = "${cut(0, 40)}"`, true],
    ["a Google API key", `AIza${cut(2, 35)}`, true],
    ["a Hugging Face token", `hf_${onlyLetters(34)}`, true],
    ["an OpenAI key", `sk-proj-${cut(0, 40)}T3BlbkFJ${cut(9, 40)}`, true],
    ["a GitHub token", `ghp_${cut(1, 36)}`, true],
    ["a GitHub token", `github_pat_${cut(0, 22)}_${cut(4, 59)}`, true],
    ["a GitLab token", `glpat-${cut(3, 20)}`, true],
    ["an npm token", `npm_${cut(5, 36)}`, true],
    ["a key to an Azure storage account", `AccountKey=${cut(0, 86)}==`, true],
    [
      "a private key",
      `-----BEGIN RSA PRIVATE KEY-----\n${cut(0, 64)}\n${cut(3, 64)}\n-----END RSA PRIVATE KEY-----`,
      true,
    ],
    [
      "a JSON web token",
      `${btoa('{"alg":"HS256","typ":"JWT"}').replace(/=+$/, "")}.${btoa('{"sub":"someone"}').replace(/=+$/, "")}.${cut(0, 43)}`,
      false,
    ],
    ["a password in an address", `postgresql://service:${cut(0, 12)}@db.internal:5432/models`, false],
    ["a secret, by the name it has", `"client_secret": "${cut(0, 36)}"`, false],
  ])("%s", (what, text, grave) => {
    const found = secretsIn(`before it ${text} behind it`);
    expect(found).toMatchObject([{ what, grave }]);
    expect(found[0]!.shown).toMatch(/^.{4}… of \d+ characters$/);
    const file = scanned(bytes(`# notes\n${text}\n`), "README.md");
    const finding = file.findings.find(({ rule }) => rule === "secret")!;
    expect(finding.severity).toBe(grave ? "suspicious" : "note");
    expect(finding.start).toBeGreaterThanOrEqual(8);
    expect(finding.message).not.toContain(text);
  });
});

describe("what is none is left alone:", () => {
  test.each([
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSy...your_api_key_here",
    "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    'token = "hf_..."',
    '"eos_token": "<|im_end|>"',
    '"password": "password"',
    'api_key = "your-api-key-goes-right-here"',
    "postgres://user:password@localhost/db",
    "https://user:${PASSWORD}@example.com",
    '"sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"',
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAabcdefghijkl",
    "eyJub3QiOiJhIHRva2VuIn0.eyJub3QiOiJhIHRva2VuIn0.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "class ghp_metrics: pass",
  ])("%.60s", (text) => expect(secretsIn(text)).toEqual([]));
});
