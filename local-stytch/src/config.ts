import { type Environment, readConfig, serverSettings, settingsAgree } from 'service-kit';
import { z } from 'zod';

const { PORT, LOG_LEVEL, TLS_CERT_FILE, TLS_KEY_FILE } = serverSettings(5005);

/** RFC 6749 appendix A: client ids and secrets are printable ASCII. */
const printable = z
  .string()
  .regex(/^[\x20-\x7E]+$/, { error: 'must be printable ASCII' })
  .optional();

const schema = z
  .object({
    NODE_ENV: z
      .string()
      .refine((value) => value !== 'production', {
        error: 'is production, and local-stytch guards nothing: use Stytch itself there',
      })
      .optional(),
    PORT,
    LOG_LEVEL,
    TLS_CERT_FILE,
    TLS_KEY_FILE,
    STYTCH_PROJECT_ID: z
      .string()
      .regex(/^project-test-[\w-]+$/, {
        error: 'must begin with project-test-: local-stytch stands in for test projects only',
      })
      .optional(),
    STYTCH_SECRET: printable,
    CLIENT_ID: printable,
    CLIENT_SECRET: printable,
    OPERATOR_CLIENT_ID: printable,
    OPERATOR_CLIENT_SECRET: printable,
  })
  .check(settingsAgree)
  .refine(({ CLIENT_ID, OPERATOR_CLIENT_ID }) => !CLIENT_ID || CLIENT_ID !== OPERATOR_CLIENT_ID, {
    path: ['OPERATOR_CLIENT_ID'],
    error: 'must be another than CLIENT_ID',
  });

/** @throws ConfigError that lists every variable at fault, NODE_ENV=production among them. */
export function readSettings(environment: Environment) {
  const settings = readConfig(schema, environment);
  return {
    port: settings.PORT,
    logLevel: settings.LOG_LEVEL,
    tls: { TLS_CERT_FILE: settings.TLS_CERT_FILE, TLS_KEY_FILE: settings.TLS_KEY_FILE },
    /** What the start is told; the rest is made at random. */
    seed: {
      projectId: settings.STYTCH_PROJECT_ID,
      projectSecret: settings.STYTCH_SECRET,
      clientId: settings.CLIENT_ID,
      clientSecret: settings.CLIENT_SECRET,
      operatorClientId: settings.OPERATOR_CLIENT_ID,
      operatorClientSecret: settings.OPERATOR_CLIENT_SECRET,
    },
  };
}
