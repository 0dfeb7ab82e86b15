# One file for every image: docker build --target wallet-server|payment-server|local-stytch|operator .
# The tag moves with each patch of Node. To pin it: --build-arg NODE_IMAGE=node:24-alpine@sha256:...
ARG NODE_IMAGE=node:24-alpine

# Everything, built. The manifests come first, so that a change of the sources does not install again.
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
RUN npx tsc --build packages/local-stytch wallet-server payment-server packages/rotate-client-secret

# What runs: JavaScript with its source maps, and of node_modules what production needs.
FROM build AS built
RUN find . -name node_modules -prune -o \( -name src -o -name 'tsconfig*' -o -name '*.d.ts' \) -exec rm -r {} + \
    && npm prune --omit=dev

# Of that, each program's own part: npm removes what no workspace that is left needs, but for the types, which
# stytch-m2m, as a library, brings along for whoever compiles against it.
FROM built AS only-wallet-server
RUN rm -r payment-server packages/local-stytch packages/rotate-client-secret && npm prune --omit=dev && rm -r node_modules/@types

FROM built AS only-payment-server
RUN rm -r wallet-server packages/local-stytch packages/rotate-client-secret && npm prune --omit=dev && rm -r node_modules/@types

FROM built AS only-operator
RUN rm -r wallet-server payment-server packages/local-stytch && npm prune --omit=dev && rm -r node_modules/@types

FROM built AS only-local-stytch
RUN rm -r wallet-server payment-server packages/rotate-client-secret packages/stytch-m2m && npm prune --omit=dev && rm -r node_modules/@types

# What all images share. The files belong to root, and nothing here writes to them: any user may run them, from a
# read-only file system. No .env is read, and the container's other addresses are listened on.
FROM ${NODE_IMAGE} AS runtime
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
COPY deploy/image/seedSecret.mjs ./
COPY --from=only-payment-server /app ./
ENV PORT=6000
EXPOSE 6000
CMD ["node", "--enable-source-maps", "payment-server/dist/server.js"]

# The command that rotates the secret of payment-service: it runs once, and ends.
FROM runtime AS operator
COPY --from=only-operator /app ./
HEALTHCHECK NONE
CMD ["node", "--enable-source-maps", "packages/rotate-client-secret/dist/rotateClientSecret.js"]

# For development: it refuses NODE_ENV=production. Only what shares a network with the container can call it.
FROM runtime AS local-stytch
COPY --from=only-local-stytch /app ./
ENV NODE_ENV=development PORT=5005
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["node", "healthcheck.mjs", "/local/health"]
CMD ["node", "--enable-source-maps", "packages/local-stytch/dist/server.js", "--host", "0.0.0.0"]

# The last stage is what a build without --target builds: no image of the four may be taken for another by accident.
FROM ${NODE_IMAGE} AS no-target
RUN echo 'Choose one: docker build --target wallet-server|payment-server|operator|local-stytch .' >&2; exit 1
