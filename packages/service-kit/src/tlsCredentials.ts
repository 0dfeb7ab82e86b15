import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { whyUnreadable } from './config';

/** The paths of the files, as the settings of the same names have them. */
export interface TlsSettings {
  TLS_CERT_FILE?: string | undefined;
  TLS_KEY_FILE?: string | undefined;
  TLS_CA_FILE?: string | undefined;
}

/** What is in the files: a set that has been found good, for servers and for clients. */
export interface TlsCredentials {
  /** The certificate, then what leads from it to its CA. PEM. */
  cert: string;
  /** The private key of the certificate. PEM. */
  key: string;
  /** The CAs whose certificates are trusted. PEM; undefined: a server asks for none, a client trusts the usual. */
  ca: string | undefined;
  /** When the certificate ends, or another that leads from it to its CA, if that is sooner. */
  expiresAt: Date;
}

/** What is in the files as it stands, good or not. */
export interface TlsTexts {
  cert: string;
  key: string;
  ca: string | undefined;
}

/**
 * The ciphers of TLS 1.3, as Node has them, and those of TLS 1.2 that have forward secrecy and a full-length
 * authentication tag (RFC 9325 §4.2): none with CBC, none with CCM_8.
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

/** The options of `node:tls` that go with a set: for servers, for clients, and for a change of certificates. */
export function tlsOptions({ cert, key, ca }: TlsTexts) {
  // RFC 8996: TLS 1.0 and 1.1 must not be used. What Node has as its minimum can be changed from outside.
  return { cert, key, ca, minVersion: 'TLSv1.2' as const, ciphers };
}

type Tell = (setting: keyof TlsSettings, problem: string) => void;

/**
 * Reads the files.
 *
 * @param tell gets each file that cannot be read.
 */
export async function readTlsTexts(settings: TlsSettings, tell: Tell): Promise<TlsTexts> {
  const read = async (setting: keyof TlsSettings) => {
    const file = settings[setting];
    if (file === undefined) return undefined;
    return readFile(file, 'utf8').catch((error: unknown) => {
      tell(setting, whyUnreadable(error));
      return undefined;
    });
  };
  const [cert = '', key = '', ca] = await Promise.all([
    read('TLS_CERT_FILE'),
    read('TLS_KEY_FILE'),
    read('TLS_CA_FILE'),
  ]);
  return { cert, key, ca };
}

/**
 * Looks whether a set can be used now: each of it is what it should be, nothing of it has expired, the key is
 * that of the certificate.
 *
 * @param tell gets everything that is wrong.
 * @returns when the certificate, or what leads from it to its CA, ends.
 */
export function checkTlsTexts({ cert, key, ca }: TlsTexts, tell: Tell): Date {
  const chain = readCertificates(cert, (problem) => {
    tell('TLS_CERT_FILE', problem);
  });
  for (const certificate of chain) {
    const problem = whyNotValidNow(certificate);
    if (problem !== undefined)
      tell('TLS_CERT_FILE', `has the certificate of ${subjectOf(certificate)} in it, which ${problem}`);
  }
  const privateKey = readKey(key);
  const [leaf] = chain;
  if (!privateKey) tell('TLS_KEY_FILE', 'has no private key in PEM in it, or one with a passphrase');
  else if (leaf && !leaf.checkPrivateKey(privateKey))
    tell('TLS_KEY_FILE', 'is not the key of the certificate in TLS_CERT_FILE');
  if (ca !== undefined) checkCa(ca, tell);
  return new Date(Math.min(...chain.map(({ validTo }) => Date.parse(validTo))));
}

/** OpenSSL has the last word: it refuses keys that are too weak, say. */
export function whyOpenSslRefuses(texts: TlsTexts): string | undefined {
  try {
    createSecureContext(tlsOptions(texts));
    return undefined;
  } catch (error) {
    return `cannot be used: ${(error as Error).message}`;
  }
}

/** In a bundle of old and new one CA may have expired: as long as there is one that has not, it can be used. */
function checkCa(ca: string, tell: Tell): void {
  const certificates = readCertificates(ca, (problem) => {
    tell('TLS_CA_FILE', problem);
  });
  const authorities = certificates.filter((certificate) => certificate.ca);
  const [first] = authorities;
  if (certificates.length > 0 && !first) tell('TLS_CA_FILE', 'has no certificate of a CA in it');
  if (first && authorities.every(whyNotValidNow)) {
    tell(
      'TLS_CA_FILE',
      `has the certificate of ${subjectOf(first)} in it, which ${whyNotValidNow(first) ?? ''}`,
    );
  }
}

function readCertificates(text: string, tell: (problem: string) => void): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) tell('has no certificate in PEM in it');
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    tell('has a certificate in it that cannot be read');
    return [];
  }
}

function readKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function whyNotValidNow({ validFrom, validTo }: X509Certificate): string | undefined {
  if (Date.parse(validTo) < Date.now()) return `expired at ${validTo}`;
  return Date.parse(validFrom) > Date.now() ? `is not valid before ${validFrom}` : undefined;
}

function subjectOf({ subject }: X509Certificate): string {
  // Node has no subject for a certificate without one, and one attribute a line for those with.
  return ((subject as string | undefined) ?? 'nobody').replaceAll('\n', ', ');
}
