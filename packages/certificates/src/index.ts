import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** ECDSA on P-256 with SHA-256, which every implementation of TLS 1.3 supports (RFC 8446 §9.1). */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMilliseconds = 86_400_000;
/** How far the clocks of two machines may differ. Milliseconds. */
const clockSkewMilliseconds = 5 * 60_000;

/** A certificate and its private key (PKCS #8), both in PEM. */
export interface Identity {
  certificate: string;
  key: string;
}

/** When a certificate is valid. */
export interface Validity {
  /** Default five minutes ago. */
  notBefore?: Date;
  /** Default 90 days from now. */
  notAfter?: Date;
}

/** A certificate authority for development and tests. Its private key exists in memory only. */
export class CertificateAuthority {
  readonly #certificate: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#certificate = certificate;
    this.#keys = keys;
  }

  static async create(name = 'Development CA', validity: Validity = {}): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        ...common(validity),
        name: named(name),
        keys,
        extensions: [
          new BasicConstraintsExtension(true, 0, true),
          new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
          await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        ],
      },
      webcrypto,
    );
    return new CertificateAuthority(certificate, keys);
  }

  /** The CA's certificate in PEM, for `TLS_CA_FILE`. */
  get certificate(): string {
    return pem(this.#certificate);
  }

  /**
   * Issues a certificate for a server on this machine, which may also be a client (RFC 5280 §4.2.1.12: both usages).
   *
   * @param alternativeNames the subject alternative names. Default: `name`, localhost and the loopback addresses.
   */
  async issue(
    name: string,
    validity: Validity = {},
    alternativeNames: JsonGeneralNames = ownNames(name),
  ): Promise<Identity> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create(
      {
        ...common(validity),
        subject: named(name),
        issuer: this.#certificate.subject,
        publicKey: keys.publicKey,
        signingKey: this.#keys.privateKey,
        extensions: [
          new BasicConstraintsExtension(false, undefined, true),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
          new SubjectAlternativeNameExtension(alternativeNames),
          await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
          await AuthorityKeyIdentifierExtension.create(this.#certificate, false, webcrypto),
        ],
      },
      webcrypto,
    );
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { certificate: pem(certificate), key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n` };
  }
}

function ownNames(name: string): JsonGeneralNames {
  return [
    { type: 'dns', value: name },
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: '::1' },
  ];
}

function named(name: string) {
  return [{ CN: [name] }];
}

function common(validity: Validity) {
  const {
    notBefore = new Date(Date.now() - clockSkewMilliseconds),
    notAfter = new Date(Date.now() + 90 * dayMilliseconds),
  } = validity;
  return {
    // RFC 5280 §4.1.2.2: positive, and unique for the issuer.
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
