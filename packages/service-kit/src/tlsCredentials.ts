import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { type TlsSettings, whyUnreadable } from './config';

const settingNames = ['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CA_FILE'] as const;

/** The contents of the files, in PEM. They are valid, for servers and for clients. */
export interface TlsCredentials {
  /** The certificate, followed by the intermediate certificates up to its CA. */
  cert: string;
  /** The private key of the certificate. */
  key: string;
  /** The trusted CAs. Without it a server asks for no client certificate, and a client trusts Node's CAs. */
  ca: string | undefined;
  /** When the first certificate of `cert` expires. */
  expiresAt: Date;
}

type TlsTexts = Omit<TlsCredentials, 'expiresAt'>;

/**
 * Node's ciphers for TLS 1.3. For TLS 1.2 those with forward secrecy and authenticated encryption (RFC 9325 §4.2):
 * no CBC, no CCM_8.
 */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** The options of `node:tls` for servers, for clients and for `setSecureContext`. */
export function tlsOptions({ cert, key, ca }: TlsTexts) {
  // RFC 8996: TLS 1.0 and 1.1 must not be used. NODE_OPTIONS can lower Node's own minimum.
  return { cert, key, ca, minVersion: 'TLSv1.2' as const, ciphers };
}

/**
 * Reads the files and checks them.
 *
 * @param previous valid credentials. They are returned if no file has changed.
 * @returns the credentials, or one problem for each invalid file: a second problem often follows from the first.
 */
export async function loadTlsCredentials(
  settings: TlsSettings,
  previous?: TlsCredentials,
): Promise<{ credentials: TlsCredentials } | { problems: string[] }> {
  const problems: Partial<Record<keyof TlsSettings, string | undefined>> = {};
  const read = async (setting: keyof TlsSettings) => {
    const file = settings[setting];
    if (file === undefined) return undefined;
    return readFile(file, 'utf8').catch((error: unknown) => {
      problems[setting] = whyUnreadable(error);
      return undefined;
    });
  };
  const [cert = '', key = '', ca] = await Promise.all(settingNames.map(read));
  const texts = { cert, key, ca };
  if (previous && cert === previous.cert && key === previous.key && ca === previous.ca) {
    return { credentials: previous };
  }
  problems.TLS_CERT_FILE ??= whyInvalidChain(cert);
  problems.TLS_KEY_FILE ??= whyInvalidKey(key, cert);
  if (ca !== undefined) problems.TLS_CA_FILE ??= whyInvalidCa(ca);
  if (Object.values(problems).every((problem) => problem === undefined)) {
    problems.TLS_CERT_FILE = whyOpenSslRefuses(texts);
  }
  const messages = settingNames.flatMap((setting) => {
    const problem = problems[setting];
    return problem === undefined ? [] : `${setting}: ${resolve(settings[setting] ?? '')} ${problem}`;
  });
  if (messages.length > 0) return { problems: messages };
  const ends = parseCertificates(cert).certificates.map(({ validTo }) => Date.parse(validTo));
  return { credentials: { ...texts, expiresAt: new Date(Math.min(...ends)) } };
}

function parseCertificates(pem: string): { certificates: X509Certificate[]; problem?: string } {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (!blocks) return { certificates: [], problem: 'contains no certificate in PEM' };
  try {
    return { certificates: blocks.map((block) => new X509Certificate(block)) };
  } catch {
    return { certificates: [], problem: 'contains a malformed certificate' };
  }
}

function whyInvalidChain(pem: string): string | undefined {
  const { certificates, problem } = parseCertificates(pem);
  return problem ?? certificates.map(whyNotValidNow).find((reason) => reason !== undefined);
}

function whyInvalidKey(pem: string, certificatePem: string): string | undefined {
  const [certificate] = parseCertificates(certificatePem).certificates;
  try {
    const matches = certificate?.checkPrivateKey(createPrivateKey(pem)) ?? true;
    return matches ? undefined : 'is not the key of the certificate in TLS_CERT_FILE';
  } catch {
    return 'contains no private key in PEM, or one with a passphrase';
  }
}

/** A file with an old and a new CA is valid if one of them is. */
function whyInvalidCa(pem: string): string | undefined {
  const { certificates, problem } = parseCertificates(pem);
  if (problem !== undefined) return problem;
  const reasons = certificates.filter(({ ca }) => ca).map(whyNotValidNow);
  if (reasons.length === 0) return 'contains no CA certificate';
  return reasons.includes(undefined) ? undefined : reasons[0];
}

function whyNotValidNow({ validFrom, validTo, subject }: X509Certificate): string | undefined {
  // Node's type is wrong for a certificate without a subject. It writes one attribute on each line.
  const name = ((subject as string | undefined) ?? 'an unnamed subject').replaceAll('\n', ', ');
  if (Date.parse(validTo) < Date.now())
    return `contains the certificate of ${name}, which expired at ${validTo}`;
  if (Date.parse(validFrom) <= Date.now()) return undefined;
  return `contains the certificate of ${name}, which is not valid before ${validFrom}`;
}

/** OpenSSL checks more, such as the strength of the keys. */
function whyOpenSslRefuses(texts: TlsTexts): string | undefined {
  try {
    createSecureContext(tlsOptions(texts));
    return undefined;
  } catch (error) {
    return `is refused by OpenSSL: ${(error as Error).message}`;
  }
}
