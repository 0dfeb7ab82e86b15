/**
 * Calls an address again and again, with the client certificate in /certificate, each time over a new connection:
 *
 *     node payments.mjs ADDRESS SECONDS
 *
 * It exits with 1 if a call does not answer 200, and shows the first of them.
 */
import console from 'node:console';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';

const [, , address, seconds] = process.argv;
const folder = process.env.CERTIFICATE_FOLDER ?? '/certificate';
const [cert, key, ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => readFileSync(`${folder}/${name}`));
const callers = 5;
const pauseMilliseconds = 100;

function call() {
  return new Promise((resolve) => {
    const options = { cert, key, ca, agent: false, timeout: 10_000 };
    const calling = request(address, options, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    calling.on('timeout', () => calling.destroy(new Error('no answer within 10 s')));
    calling.on('error', (error) => resolve(error.message)).end();
  });
}

const end = Date.now() + Number(seconds) * 1_000;
const answers = [];
const callUntilTheEnd = async () => {
  do {
    answers.push(await call());
    await wait(pauseMilliseconds);
  } while (Date.now() < end);
};
await Promise.all(Array.from({ length: callers }, callUntilTheEnd));
const failed = answers.filter((answer) => answer !== 200);
console.log(`${answers.length} calls, ${failed.length} failed`, failed.slice(0, 5));
process.exitCode = failed.length > 0 ? 1 : 0;
