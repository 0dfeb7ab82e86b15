# One file for every image: docker build --target wallet-server|payment-server|local-stytch|rotate-client-secret .
# The tag moves with each patch of Node. To pin it: --build-arg NODE_IMAGE=node:24-alpine@sha256:...
ARG NODE_IMAGE=node:24-alpine

# Builds everything. The manifests come first, so that a change of the sources does not repeat the install.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/service-kit/package.json packages/service-kit/
COPY packages/stytch-m2m/package.json packages/stytch-m2m/
COPY packages/local-stytch/package.json packages/local-stytch/
COPY packages/rotate-client-secret/package.json packages/rotate-client-secret/
COPY wallet-server/package.json wallet-server/
COPY payment-server/package.json payment-server/
RUN npm ci --ignore-scripts -w local-stytch -w wallet-server -w payment-server -w rotate-client-secret
COPY tsconfig.base.json ./
COPY packages packages/
COPY wallet-server wallet-server/
COPY payment-server payment-server/
RUN npx tsc --build packages/local-stytch wallet-server payment-server packages/rotate-client-secret \
    && node packages/local-stytch/console/build.mjs

# Keeps what runs: JavaScript with source maps, and the production packages.
FROM build AS built
RUN find . -name node_modules -prune -o \( -path ./packages/local-stytch/console -prune -o -name src -o -name 'tsconfig*' -o -name '*.d.ts' \) -exec rm -r {} + \
    && npm prune --omit=dev

# Keeps the part of each program: npm removes the packages that no remaining workspace needs. The types are
# dependencies of the library stytch-m2m, and are not needed at run time.
FROM built AS only-wallet-server
RUN rm -r payment-server packages/local-stytch packages/rotate-client-secret && npm prune --omit=dev && rm -r node_modules/@types

FROM built AS only-payment-server
RUN rm -r wallet-server packages/local-stytch packages/rotate-client-secret && npm prune --omit=dev && rm -r node_modules/@types

FROM built AS only-rotate-client-secret
RUN rm -r wallet-server payment-server packages/local-stytch && npm prune --omit=dev && rm -r node_modules/@types

# It has no dependencies of its own: what it needs of the registry comes with service-kit.
FROM built AS only-local-stytch
RUN rm -r wallet-server payment-server packages/rotate-client-secret packages/stytch-m2m && npm prune --omit=dev && rm -r node_modules/@types

# The base of all images. Root owns the files and nothing writes to them, so any user can run them, from a read-only
# file system. The programs read no .env and listen on all addresses of the container.
FROM ${NODE_IMAGE} AS runtime
# Nothing is installed from now on: no package manager.
WORKDIR /usr/local
RUN rm -rf lib/node_modules bin/npm bin/npx bin/corepack bin/yarn bin/yarnpkg ../../opt/yarn*
ENV NODE_ENV=production DOTENV=off HOST=0.0.0.0
WORKDIR /app
COPY deploy/image/healthcheck.mjs ./
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["node", "healthcheck.mjs"]

FROM runtime AS wallet-server
COPY --from=only-wallet-server /app ./
ENV PORT=4000
EXPOSE 4000
CMD ["node", "--enable-source-maps", "wallet-server/dist/server.js"]

FROM runtime AS payment-server
COPY --from=only-payment-server /app ./
ENV PORT=6000
EXPOSE 6000
CMD ["node", "--enable-source-maps", "payment-server/dist/server.js"]

# The job that rotates the secret of an M2M client once.
FROM runtime AS rotate-client-secret
COPY --from=only-rotate-client-secret /app ./
HEALTHCHECK NONE
CMD ["node", "--enable-source-maps", "packages/rotate-client-secret/dist/rotateClientSecret.js"]

# For development: it does not start with NODE_ENV=production. Only containers on the same network can call it.
FROM runtime AS local-stytch
COPY --from=only-local-stytch /app ./
ENV NODE_ENV=development PORT=5005
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["node", "healthcheck.mjs", "/local/health"]
CMD ["node", "--enable-source-maps", "packages/local-stytch/dist/server.js", "--host", "0.0.0.0"]

# A build without --target builds the last stage: it fails, so that nobody deploys the wrong image.
FROM ${NODE_IMAGE} AS no-target
RUN echo 'Choose one: docker build --target wallet-server|payment-server|rotate-client-secret|local-stytch .' >&2; exit 1
