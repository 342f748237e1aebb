FROM node:24-bookworm-slim

ENV NODE_ENV=production PALINODE_DATA=/data
WORKDIR /app

COPY package.json package-lock.json ./
RUN npm install --omit=dev --no-save --no-audit --no-fund

COPY prisma.config.ts ./
COPY prisma ./prisma
RUN npx prisma generate --no-hints
COPY src ./src

RUN mkdir /data && chown node /data
USER node
VOLUME /data

HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4000}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=16", "--heap-growing-percent=150", "src/main/server.ts"]
