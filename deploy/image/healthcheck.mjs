/**
 * The images' HEALTHCHECK: exits with 0 if the program in this container answers 200, else with 1. It uses plain http,
 * on HEALTH_PORT or else on PORT. The argument is the path, /healthz by default.
 */
import { get } from 'node:http';
import process from 'node:process';

const { HEALTH_PORT, PORT } = process.env;
const [, , path = '/healthz'] = process.argv;
const milliseconds = 2_000;

process.exitCode = 1;
const request = get({ host: '127.0.0.1', port: HEALTH_PORT || PORT, path, timeout: milliseconds });
request.on('response', (response) => {
  if (response.statusCode === 200) process.exitCode = 0;
  request.destroy();
});
request.on('timeout', () => request.destroy());
request.on('error', () => undefined);
