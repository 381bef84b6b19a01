/**
 * A little Sigstore: an authority that certifies identities, logs that take up certificates and signatures, a time stamping authority –
 * with keys made on the spot, so that every part of a bundle can be made right, and wrong.
 */
import { canonical } from "#base/canonical.ts";
import { sha256 } from "#base/hash.ts";
import { encoded, joined, promised } from "#formats/certificate.ts";
import { payloadOf, preAuthenticated } from "#provenance/signing.ts";
import {
  AUTHORITY,
  bytes,
  certificate,
  ECDSA_SHA256,
  extension,
  generalizedTime,
  hash,
  integer,
  key,
  name,
  octets,
  oid,
  pem as pemOf,
  purpose,
  PURPOSES,
  sequence,
  set,
  signed,
  SIGNATURE_ONLY,
  utf8,
  type Key,
} from "./certificates.ts";

const base64 = (content: Uint8Array): string => Buffer.from(content).toString("base64");
const SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"));

export const IDENTITY = "reader@example.org";
export const ISSUER = "https://accounts.example.org";
const DAY = 86_400_000;
export const NOW = Date.parse("2026-03-01T12:00:00Z");

/** What a test may want to be otherwise. */
export interface Wish {
  readonly version?: "0.1" | "0.2" | "0.3";
  readonly kind?: "hashedrekord 0.0.1" | "hashedrekord 0.0.2" | "dsse 0.0.1" | "dsse 0.0.2" | "intoto 0.0.2";
  /** When the log took it up; without, there is no signed time. */
  readonly integrated?: number | null;
  readonly stamped?: number | null;
  readonly proof?: boolean;
  readonly promiseOfCertificate?: boolean;
  readonly name?: Uint8Array;
  readonly leafFrom?: number;
  readonly purposeOfLeaf?: string;
}

/** RFC 6962, §2.1, word by word: the hash of a tree and the path to one of its leaves. */
export function treeHash(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 1) return hash(joined([bytes(0), leaves[0]!]));
  const half = splitOf(leaves.length);
  return hash(joined([bytes(1), treeHash(leaves.slice(0, half)), treeHash(leaves.slice(half))]));
}
export function treePath(index: number, leaves: readonly Uint8Array[]): Buffer[] {
  if (leaves.length === 1) return [];
  const half = splitOf(leaves.length);
  return index < half
    ? [...treePath(index, leaves.slice(0, half)), treeHash(leaves.slice(half))]
    : [...treePath(index - half, leaves.slice(half)), treeHash(leaves.slice(0, half))];
}
/** The largest power of two below n. */
const splitOf = (n: number): number => 2 ** Math.floor(Math.log2(n - 1));

export class LittleSigstore {
  readonly root = key();
  readonly between = key();
  readonly log = key();
  readonly certificateLog = key();
  readonly stamps = key();
  readonly stampRoot = key();
  readonly stampRootDer = certificate({
    subject: "stamps root",
    issuer: "stamps root",
    key: this.stampRoot,
    by: this.stampRoot,
    from: NOW - 400 * DAY,
    to: NOW + 400 * DAY,
    serial: 9,
    extensions: AUTHORITY,
  });
  readonly stampDer = certificate({
    subject: "stamps",
    issuer: "stamps root",
    key: this.stamps,
    by: this.stampRoot,
    from: NOW - 100 * DAY,
    to: NOW + 100 * DAY,
    serial: 8,
    extensions: [SIGNATURE_ONLY, extension("2.5.29.37", sequence(oid(PURPOSES.timeStamps)), true)],
  });
  readonly rootDer = certificate({
    subject: "root",
    issuer: "root",
    key: this.root,
    by: this.root,
    from: NOW - 400 * DAY,
    to: NOW + 4000 * DAY,
    serial: 1,
    extensions: AUTHORITY,
  });
  readonly betweenDer = certificate({
    subject: "between",
    issuer: "root",
    key: this.between,
    by: this.root,
    from: NOW - 400 * DAY,
    to: NOW + 4000 * DAY,
    serial: 2,
    extensions: [...AUTHORITY, purpose(PURPOSES.code)],
  });

  trustedRoot(): Record<string, any> {
    const from = new Date(NOW - 300 * DAY).toISOString();
    const log = (address: string, { spki }: Key) => ({
      baseUrl: address,
      hashAlgorithm: "SHA2_256",
      publicKey: { rawBytes: base64(spki), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor: { start: from } },
      logId: { keyId: base64(hash(spki)) },
    });
    const authority = (...chain: Uint8Array[]) => ({
      certChain: { certificates: chain.map((der) => ({ rawBytes: base64(der) })) },
      validFor: { start: from },
    });
    return {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [log("https://log.example.org", this.log)],
      certificateAuthorities: [authority(this.betweenDer, this.rootDer)],
      ctlogs: [log("https://certificates.example.org", this.certificateLog)],
      timestampAuthorities: [authority(this.stampDer, this.stampRootDer)],
    };
  }

  /** A certificate of ten minutes, with the certificate log's promise in it. */
  certified(
    own: Key,
    { promiseOfCertificate = true, name: other, leafFrom = NOW, purposeOfLeaf = PURPOSES.code }: Wish,
  ): Uint8Array {
    const wish = {
      subject: "",
      issuer: "between",
      key: own,
      by: this.between,
      from: leafFrom,
      to: leafFrom + 600_000,
      serial: 77,
      extensions: [
        SIGNATURE_ONLY,
        purpose(purposeOfLeaf),
        extension("2.5.29.17", sequence(other ?? encoded(0x81, utf8(IDENTITY))), true),
        extension("1.3.6.1.4.1.57264.1.1", utf8(ISSUER)),
        extension("1.3.6.1.4.1.57264.1.8", encoded(0x0c, utf8(ISSUER))),
      ],
    };
    const before = certificate(wish);
    if (!promiseOfCertificate) return before;
    const sct = { time: leafFrom, extensions: new Uint8Array(0) };
    const signature = signed(this.certificateLog.secret, promised(before, hash(this.between.spki), sct));
    const counted = (content: Uint8Array): Uint8Array =>
      joined([bytes(content.length >> 8, content.length & 255), content]);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(leafFrom));
    const one = joined([
      bytes(0),
      hash(this.certificateLog.spki),
      time,
      counted(sct.extensions),
      bytes(4, 3),
      counted(signature),
    ]);
    return certificate({
      ...wish,
      extensions: [...wish.extensions, extension("1.3.6.1.4.1.11129.2.4.2", octets(counted(counted(one))))],
    });
  }

  /** A bundle that signs one file: by a manifest, or its bytes themselves (hashedrekord). */
  bundle(file: Uint8Array, wish: Wish = {}): Record<string, any> {
    const {
      version = "0.3",
      kind = "dsse 0.0.1",
      integrated = NOW + 60_000,
      stamped = null,
      proof = version !== "0.1",
    } = wish;
    const own = key();
    const leaf = this.certified(own, wish);
    const plain = kind.startsWith("hashedrekord");
    const payload = payloadOf({
      name: "model",
      hash: "sha256",
      links: false,
      ignored: [],
      resources: [{ path: ".", digest: sha256(file) }],
    });
    const content = plain ? file : preAuthenticated(payload);
    const signature = signed(own.secret, content);
    const body = utf8(canonical(this.body(kind, leaf, signature, plain ? file : payload)));
    const leaves = [utf8("one"), utf8("two"), body, utf8("four"), utf8("five")];
    const root = treeHash(leaves);
    const text = `log.example.org - 42\n${leaves.length}\n${base64(root)}\n`;
    const id = hash(this.log.spki);
    const checkpoint = `${text}\n— witness.example.org ${base64(Buffer.alloc(70, 1))}\n— log.example.org ${base64(joined([id.subarray(0, 4), signed(this.log.secret, utf8(text))]))}\n`;
    const index = integrated === null ? 2 : 1002;
    const promise = canonical({
      body: base64(body),
      integratedTime: (integrated ?? 0) / 1000,
      logID: id.toString("hex"),
      logIndex: index,
    });
    const [called, of] = kind.split(" ");
    return {
      mediaType:
        version === "0.3"
          ? "application/vnd.dev.sigstore.bundle.v0.3+json"
          : `application/vnd.dev.sigstore.bundle+json;version=${version}`,
      verificationMaterial: {
        ...(version === "0.3"
          ? { certificate: { rawBytes: base64(leaf) } }
          : { x509CertificateChain: { certificates: [{ rawBytes: base64(leaf) }] } }),
        tlogEntries: [
          {
            logIndex: String(index),
            logId: { keyId: base64(id) },
            kindVersion: { kind: called, version: of },
            ...(integrated !== null && {
              integratedTime: String(integrated / 1000),
              inclusionPromise: { signedEntryTimestamp: base64(signed(this.log.secret, utf8(promise))) },
            }),
            ...(proof && {
              inclusionProof: {
                logIndex: "2",
                rootHash: base64(root),
                treeSize: String(leaves.length),
                hashes: treePath(2, leaves).map(base64),
                checkpoint: { envelope: checkpoint },
              },
            }),
            canonicalizedBody: base64(body),
          },
        ],
        ...(stamped !== null && {
          timestampVerificationData: {
            rfc3161Timestamps: [{ signedTimestamp: base64(this.stamp(signature, stamped)) }],
          },
        }),
      },
      ...(plain
        ? {
            messageSignature: {
              messageDigest: { algorithm: "SHA2_256", digest: base64(hash(file)) },
              signature: base64(signature),
            },
          }
        : {
            dsseEnvelope: {
              payload: base64(payload),
              payloadType: "application/vnd.in-toto+json",
              signatures: [{ sig: base64(signature) }],
            },
          }),
    };
  }

  /** The entry of each kind as its log writes it. */
  private body(
    kind: NonNullable<Wish["kind"]>,
    leaf: Uint8Array,
    signature: Uint8Array,
    of: Uint8Array,
  ): Record<string, any> {
    const [called, version] = kind.split(" ");
    const pem = base64(utf8(pemOf("CERTIFICATE", leaf)));
    const hex = { algorithm: "sha256", value: sha256(of) };
    const raw = { algorithm: "SHA2_256", digest: base64(hash(of)) };
    const second = {
      content: base64(signature),
      verifier: { keyDetails: "PKIX_ECDSA_P256_SHA_256", x509Certificate: { rawBytes: base64(leaf) } },
    };
    const specs: Record<NonNullable<Wish["kind"]>, Record<string, any>> = {
      "hashedrekord 0.0.1": {
        data: { hash: hex },
        signature: { content: base64(signature), publicKey: { content: pem } },
      },
      "hashedrekord 0.0.2": { hashedRekordV002: { data: raw, signature: second } },
      "dsse 0.0.1": {
        envelopeHash: hex,
        payloadHash: hex,
        signatures: [{ signature: base64(signature), verifier: pem }],
      },
      "dsse 0.0.2": { dsseV002: { payloadHash: raw, signatures: [second] } },
      "intoto 0.0.2": {
        content: {
          envelope: {
            payloadType: "application/vnd.in-toto+json",
            signatures: [{ publicKey: pem, sig: base64(utf8(base64(signature))) }],
          },
          hash: hex,
          payloadHash: hex,
        },
      },
    };
    return { apiVersion: version, kind: called, spec: specs[kind] };
  }

  /** RFC 3161: an answer with a CMS signature over the time and the digest of the signature. */
  stamp(signature: Uint8Array, time: number): Uint8Array {
    const info = sequence(
      integer(1),
      oid("1.3.6.1.4.1.57264.2"),
      sequence(SHA256, octets(hash(signature))),
      integer(5),
      generalizedTime(time),
    );
    const attributes = joined([
      sequence(oid("1.2.840.113549.1.9.3"), set(oid("1.2.840.113549.1.9.16.1.4"))),
      sequence(oid("1.2.840.113549.1.9.4"), set(octets(hash(info)))),
      sequence(oid("1.2.840.113549.1.9.16.2.47"), set(sequence(sequence(sequence(octets(hash(this.stampDer))))))),
    ]);
    const signer = sequence(
      integer(1),
      sequence(name("stamps root"), integer(8)),
      SHA256,
      encoded(0xa0, attributes),
      ECDSA_SHA256,
      octets(signed(this.stamps.secret, encoded(0x31, attributes))),
    );
    const data = sequence(
      integer(3),
      set(SHA256),
      sequence(oid("1.2.840.113549.1.9.16.1.4"), encoded(0xa0, octets(info))),
      set(signer),
    );
    return sequence(sequence(integer(0)), sequence(oid("1.2.840.113549.1.7.2"), encoded(0xa0, data)));
  }
}
