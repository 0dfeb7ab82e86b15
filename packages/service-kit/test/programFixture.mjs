import process from 'node:process';
import { createBaseApp, createLogger, Readiness, route, runProgram, serve } from '../dist/index.js';

/** A program that uses the build. It answers /hold after a request for /release. It logs two lines right before it exits. */
void runProgram(async ({ LOG_LEVEL = 'silent' }) => {
  const logger = createLogger({ name: 'fixture', level: LOG_LEVEL });
  const readiness = new Readiness();
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const app = createBaseApp({ logger, readiness }, (router) => {
    route(router, '/hold', {
      get: async (_request, response) => {
        process.send?.('holding');
        await released;
        response.json('held');
      },
    });
    route(router, '/release', {
      post: (_request, response) => {
        release();
        response.json('released');
      },
    });
  });
  const server = await serve({ name: 'fixture', app, host: '127.0.0.1', port: 0, logger, readiness });
  return {
    ...server,
    close: async () => {
      await server.close();
      logger.warn('stopped');
      logger.warn('last line');
    },
  };
}, []);
