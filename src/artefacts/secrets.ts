/**
 * Credentials in text, by the marks their issuers gave them so that they can be found; by entropy only where the key beside them
 * says what they are. A finding shows four letters and the length, never the secret.
 */
import type { Finding } from "./check.ts";

interface Pattern {
  readonly what: string;
  /** Stands in every match; text without it is not searched further. */
  readonly anchor: string;
  /** The last group, or else the whole, is the secret. */
  readonly pattern: RegExp;
  /** Grave enough for the verdict; others are notes. */
  readonly grave: boolean;
  readonly holds?: (secret: string, whole: string) => boolean;
}

const PATTERNS: readonly Pattern[] = [
  { what: "an AWS access key", anchor: "AKIA", pattern: /\bAKIA[A-Z2-7]{16}\b/g, grave: true },
  { what: "an AWS access key", anchor: "ASIA", pattern: /\bASIA[A-Z2-7]{16}\b/g, grave: false },
  {
    what: "an AWS secret key",
    anchor: "ecret",
    pattern: /aws.{0,20}?secret.{0,20}?["'\s:=]+([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi,
    grave: true,
    holds: (secret) => entropy(secret) > 4,
  },
  { what: "a Google API key", anchor: "AIza", pattern: /\bAIza[\w-]{35}(?![\w-])/g, grave: true },
  { what: "a Hugging Face token", anchor: "hf_", pattern: /\bhf_[A-Za-z]{34}\b/g, grave: true },
  { what: "a Hugging Face token", anchor: "api_org_", pattern: /\bapi_org_[A-Za-z]{34}\b/g, grave: true },
  {
    what: "an OpenAI key",
    anchor: "T3BlbkFJ",
    pattern: /\bsk-(?:proj-|svcacct-|admin-)?[\w-]{20,100}T3BlbkFJ[\w-]{20,100}/g,
    grave: true,
  },
  { what: "an Anthropic key", anchor: "sk-ant-", pattern: /\bsk-ant-[a-z]+\d\d-[\w-]{80,110}/g, grave: true },
  { what: "a GitHub token", anchor: "gh", pattern: /\bgh[pousr]_[A-Za-z0-9]{36}\b/g, grave: true },
  {
    what: "a GitHub token",
    anchor: "github_pat_",
    pattern: /\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b/g,
    grave: true,
  },
  { what: "a GitLab token", anchor: "glpat-", pattern: /\bglpat-[\w-]{20}(?![\w-])/g, grave: true },
  { what: "a Slack token", anchor: "xox", pattern: /\bxox[baprs]-\d{8,}-[\w-]{20,}/g, grave: true },
  {
    what: "a Slack webhook",
    anchor: "hooks.slack.com/services/",
    pattern: /https:\/\/hooks\.slack\.com\/services\/T\w{8,}\/B\w{8,}\/\w{20,}/g,
    grave: true,
  },
  {
    what: "a Discord webhook",
    anchor: "/api/webhooks/",
    pattern: /https:\/\/(?:\w+\.)?discord(?:app)?\.com\/api\/webhooks\/\d{15,}\/[\w-]{60,}/g,
    grave: true,
  },
  { what: "a Telegram bot's token", anchor: ":AA", pattern: /\b\d{8,10}:AA[\w-]{33}(?![\w-])/g, grave: true },
  { what: "a Stripe key", anchor: "k_live_", pattern: /\b[rs]k_live_[A-Za-z0-9]{24,100}\b/g, grave: true },
  { what: "an npm token", anchor: "npm_", pattern: /\bnpm_[A-Za-z0-9]{36}\b/g, grave: true },
  { what: "a PyPI token", anchor: "pypi-AgEIcHlwaS5vcmc", pattern: /\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}/g, grave: true },
  { what: "a Databricks token", anchor: "dapi", pattern: /\bdapi[0-9a-f]{32}(?:-\d)?\b/g, grave: true },
  { what: "a Replicate token", anchor: "r8_", pattern: /\br8_[A-Za-z0-9]{37}\b/g, grave: true },
  { what: "a Groq key", anchor: "gsk_", pattern: /\bgsk_[A-Za-z0-9]{52}\b/g, grave: true },
  {
    what: "a key to an Azure storage account",
    anchor: "AccountKey=",
    pattern: /AccountKey=([A-Za-z0-9+/]{86}==)/g,
    grave: true,
  },
  {
    what: "a private key",
    anchor: "PRIVATE KEY-----",
    pattern: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----(?:\s|\\n)*([A-Za-z0-9+/=]{40,})/g,
    grave: true,
  },
  {
    what: "a JSON web token",
    anchor: "eyJ",
    pattern: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g,
    grave: false,
    holds: isToken,
  },
  {
    what: "a password in an address",
    anchor: "://",
    pattern:
      /\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|ftp|sftp|https?):\/\/[^\s:@/"'<>]{1,64}:([^\s@/"'<>]{6,100})@(?!localhost|127\.|example\.|host\b)[\w.-]+/g,
    grave: false,
    holds: (secret) => !/^[$%{[(]|^(?:pass(?:word|wd)?|secret|changeme|x+|\*+|your.*)$/i.test(secret),
  },
  {
    what: "a secret, by the name it has",
    anchor: "",
    pattern:
      /(?:api[_-]?key|secret(?:[_-]?(?:key|access[_-]?key))?|(?:access|auth|bearer|refresh)[_-]?token|password|passwd)["']?\s*[:=]\s*["']([A-Za-z0-9+/_=.-]{20,200})["']/gi,
    grave: false,
    holds: (secret) => /\d/.test(secret) && /[A-Za-z]/.test(secret) && entropy(secret) > 4,
  },
];

/** Words that say that a value stands for another: documentation is full of them. */
const PLACEHOLDER = /example|placeholder|dummy|your[_-]?|xxxx|1234567890|abcdefgh|<.*>|redacted/i;
/** Findings per text: a list of leaked keys is one story. */
const FOUND_MAX = 20;

/** Bits per character, by how often each occurs. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  return -[...counts.values()].reduce((sum, n) => sum + (n / text.length) * Math.log2(n / text.length), 0);
}

/** Three parts of base64url of which the first is a header with an algorithm (RFC 7519). */
function isToken(token: string): boolean {
  try {
    const header: unknown = JSON.parse(atob(token.split(".")[0]!.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof header === "object" && header !== null && "alg" in header;
  } catch {
    return false;
  }
}

export interface Secret {
  readonly what: string;
  readonly grave: boolean;
  /** Characters of the text. */
  readonly start: number;
  readonly end: number;
  /** Four letters of it, and how long it is. */
  readonly shown: string;
}

/** Credentials in a text, each once. */
export function secretsIn(text: string): readonly Secret[] {
  const found = new Map<string, Secret>();
  for (const { what, anchor, pattern, grave, holds } of PATTERNS) {
    if (anchor !== "" && !text.includes(anchor)) continue;
    for (const match of text.matchAll(pattern)) {
      const secret = match.findLast((group) => group !== undefined)!;
      if (found.size >= FOUND_MAX) return [...found.values()];
      if (found.has(secret) || PLACEHOLDER.test(secret) || new Set(secret).size < 6) continue;
      if (holds && !holds(secret, match[0])) continue;
      const start = match.index + match[0].lastIndexOf(secret);
      found.set(secret, {
        what,
        grave,
        start,
        end: start + secret.length,
        shown: `${secret.slice(0, 4)}… of ${secret.length} characters`,
      });
    }
  }
  return [...found.values()];
}

/** The finding on a secret that stands at these bytes. */
export const secretFinding = ({ what, grave, shown }: Secret, start: number, end: number, where: string): Finding => ({
  rule: "secret",
  severity: grave ? "suspicious" : "note",
  confidence: grave ? "high" : "medium",
  start,
  end,
  message: `${where} holds ${what} (${shown}): whoever has the file has it; withdraw it where it was issued`,
});
