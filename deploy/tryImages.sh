#!/usr/bin/env bash
# Builds the four images with buildah and runs them with the settings of the Compose file, without a container engine:
# each container in its own namespaces, as user 1000, without capabilities, from a read-only root file system. On
# Linux, as root; it takes five minutes:
#
#   apt-get install --no-install-recommends buildah mmdebstrap iproute2 procps jq curl
#   npm ci && npm run build && bash deploy/tryImages.sh
#
# It needs a Debian mirror and an npm registry, and no other: the base image is Debian's minimal system with Node and
# npm from the registry. npm in the build uses the npm settings of this machine. They are mounted, so no image has them.
# It leaves the images localhost/wallet-server and so on, and the base localhost/node-on-debian.
set -euo pipefail
cd "$(dirname "$0")/.."
export BUILDAH_ISOLATION=chroot
node_version=${NODE_VERSION:-24}
base=localhost/node-on-debian:$node_version
. deploy/try/containers.sh
trap clean_up EXIT
trap 'exit 130' INT TERM

check() { # WHAT PATTERN ACTUAL
  # shellcheck disable=SC2053
  if [[ $3 == $2 ]]; then echo "ok    $1"; return; fi
  printf 'FAIL  %s\n  expected %s\n  got      %s\n' "$1" "$2" "$3"
  tail --quiet --lines 20 "$work"/*.log
  exit 1
}

eventually() { # WHAT PATTERN COMMAND...: retries the command for ten seconds
  local what=$1 pattern=$2; shift 2
  # shellcheck disable=SC2053
  for _ in {1..100}; do [[ $("$@" 2>&1) == $pattern ]] && break; sleep 0.1; done
  check "$what" "$pattern" "$("$@" 2>&1)"
}

build_base() {
  local container folder=$work/base
  mkdir "$folder"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,libatomic1 "${DEBIAN_SUITE:-bookworm}" "$folder/base.tar"
  (cd "$folder" && npm install --no-save --no-package-lock --silent \
    "node-$(node --print 'process.platform + "-" + process.arch')@$node_version" npm@11)
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$folder/base.tar" /
  buildah copy --quiet "$container" "$folder"/node_modules/node-*/bin/node /usr/local/bin/node
  buildah copy --quiet "$container" "$folder/node_modules/npm" /usr/local/lib/node_modules/npm
  for command in npm npx; do
    buildah run "$container" ln --symbolic "../lib/node_modules/npm/bin/$command-cli.js" "/usr/local/bin/$command"
  done
  buildah commit --quiet --rm "$container" "$base"
}

build() { # TARGET, or nothing
  local settings=() cafile
  cafile=$(npm config get cafile)
  mount_for_build() { if [[ -f $1 ]]; then settings+=(--volume "$1:$2:ro"); fi; }
  mount_for_build "$(npm config get userconfig)" /root/.npmrc
  mount_for_build "$(npm config get globalconfig)" /usr/local/etc/npmrc
  mount_for_build "$cafile" "$cafile"
  buildah build --force-rm --format docker --layers --build-arg "NODE_IMAGE=$base" "${settings[@]}" \
    ${1:+--target "$1" --tag "localhost/$1"} .
}

settings_of() { # SERVICE of the Compose file: a variable without a value comes from this script
  # shellcheck disable=SC2016
  node --eval '
    const file = require("fs").readFileSync("deploy/compose.yaml", "utf8");
    const { environment } = require("yaml").parse(file, { merge: true }).services[process.argv[1]];
    for (const [name, value] of Object.entries(environment))
      if (value ?? process.env[name]) console.log(`${name}=${value ?? process.env[name]}`);
  ' "$1"
}

healthcheck() { # NAME IMAGE
  local command
  mapfile -t command < <(configuration "$2" '.Healthcheck.Test[1:][]')
  if inside "$1" "${command[@]}"; then echo healthy; else echo unhealthy; fi
}

stop_cleanly() { # NAME
  stop "$1"
  check "$1 ends with 0 on SIGTERM" 0 "$code"
}

ask() { curl --silent --max-time 20 "$@"; }
paid='"john_doe your payment of 769 to yh809ikol7plo98 was successful!"'

try_build() {
  local target root
  buildah inspect --type image "$base" >/dev/null 2>&1 || build_base >"$work/base.log" 2>&1
  check 'a build without a target fails and names the four' \
    '*--target wallet-server|payment-server|rotate-client-secret|local-stytch .*' "$(build 2>&1 || true)"
  for target in wallet-server payment-server rotate-client-secret local-stytch; do
    build "$target" >"$work/build.log" 2>&1 || check "$target builds" yes "$(tail "$work/build.log")"
    check "$target builds, for user 1000" '1000:1000' "$(configuration "$target" .User)"
    root=$(root_folder "$target")
    # The mounts of the build leave empty files.
    check "$target has no npm setting of this machine" '' \
      "$(find "$root/root/.npmrc" "$root/usr/local/etc/npmrc" "$root/app/.npmrc" -size +0 2>/dev/null || true)"
    check "$target has no package manager" '' \
      "$(find "$root/usr/local/lib/node_modules" "$root/usr/local/bin/npm" "$root/usr/local/bin/npx" 2>/dev/null || true)"
    du --summarize --bytes "$root/app" | awk -v name="$target" '{ printf "      %s: %.0f MiB\n", name, $1 / 2 ^ 20 }'
  done
}

try_local() {
  local stytch wallet payment url=http://$subnet.4:6000 admin token
  mapfile -t stytch < <(settings_of local-stytch)
  mapfile -t wallet < <(settings_of local-wallet-server)
  mapfile -t payment < <(settings_of local-payment-server)
  start local-stytch local-stytch 2 "${stytch[@]}"
  start local-wallet-server wallet-server 3 "${wallet[@]}"
  start local-payment-server payment-server 4 "${payment[@]}"
  eventually 'local-stytch is healthy' healthy healthcheck local-stytch local-stytch
  eventually 'the wallet-server is healthy' healthy healthcheck local-wallet-server wallet-server
  eventually 'the payment-server is healthy' healthy healthcheck local-payment-server payment-server
  eventually 'a payment, by the Compose profile local' "$paid" ask "$url/initiate-payment"
  check 'process 1 is node' 'node --enable-source-maps payment-server/dist/server.js *' \
    "$(inside local-payment-server cat /proc/1/cmdline | tr '\0' ' ')"
  check 'it runs as user 1000 without a capability' '* Uid: 1000 * CapEff: 0000000000000000 CapBnd: 0000000000000000*' \
    "$(inside local-payment-server cat /proc/1/status | tr --squeeze-repeats '\t\n' ' ')"
  check 'its root file system is read-only, even for root' '*Read-only file system' \
    "$(user=0 inside local-payment-server touch /app/written 2>&1 || true)"
  admin=$(sed --quiet 's/^LOCAL_STYTCH_ADMIN_TOKEN=//p' "$work/local-stytch.log")
  check 'the admin API of local-stytch asks for a token' 401 "$(admin_status none)"
  check 'and accepts the one that local-stytch printed' 200 "$(admin_status "$admin")"

  stop_cleanly local-stytch
  start local-stytch local-stytch 12 "${stytch[@]}"
  eventually 'a new local-stytch, at another address, is healthy' healthy healthcheck local-stytch local-stytch
  check 'a payment' "$paid" "$(ask "$url/initiate-payment")"
  token=$(ask "http://$subnet.12:5005/v1/public/$(value_of STYTCH_PROJECT_ID)/oauth2/token" \
    --data grant_type=client_credentials --data "client_id=$(value_of OPERATOR_CLIENT_ID)" \
    --data "client_secret=$(value_of OPERATOR_CLIENT_SECRET)" | jq --raw-output .access_token)
  eventually 'the payment-server has its new signing keys, and calls it at its new address' '*"payment-service"*' \
    ask --header "Authorization: Bearer $token" "$url/search-m2m-client"
  for name in local-payment-server local-wallet-server local-stytch; do stop_cleanly "$name"; done
}

admin_status() { # TOKEN
  ask --output /dev/null --write-out '%{http_code}' --header "Authorization: Bearer $1" \
    "http://$subnet.2:5005/local/requests"
}

value_of() { settings_of local-stytch | sed --quiet "s/^$1=//p"; } # VARIABLE

# local-stytch over TLS replaces Stytch.
try_stytch() {
  local settings secrets=$work/mounts/secrets stytch url=https://payment-server:6000 variable
  for variable in STYTCH_PROJECT_ID CLIENT_ID OPERATOR_CLIENT_ID; do export "$variable=$(value_of $variable)"; done
  mkdir --parents "$secrets" "$work/mounts/client-secret"
  node --eval 'require("./tools/dist/certs.js").makeCertificates(process.argv[1])' "$secrets"
  value_of STYTCH_SECRET >"$secrets/stytch-secret"
  value_of CLIENT_SECRET >"$work/mounts/client-secret/client-secret"
  chown --recursive 1000:1000 "$work/mounts"
  stytch=(STYTCH_BASE_URL=https://local-stytch:5005 NODE_EXTRA_CA_CERTS=/secrets/ca.pem)
  tls() { # SERVICE OWNER: its settings, with the files where they are here
    settings_of "$1" | sed "s#/run/secrets/tls#/secrets/$2#; s#/run/secrets/#/secrets/#"
  }
  mapfile -t settings < <(settings_of local-stytch)
  start local-stytch local-stytch 2 "${settings[@]}" \
    TLS_CERT_FILE=/secrets/local-stytch.pem TLS_KEY_FILE=/secrets/local-stytch-key.pem
  mapfile -t settings < <(tls wallet-server wallet-server)
  start wallet-server wallet-server 3 "${settings[@]}" "${stytch[@]}"
  mapfile -t settings < <(tls payment-server payment-server)
  start payment-server payment-server 4 "${settings[@]}" "${stytch[@]}"
  eventually 'the wallet-server is healthy over mutual TLS' healthy healthcheck wallet-server wallet-server
  eventually 'the payment-server is healthy over mutual TLS' healthy healthcheck payment-server payment-server
  over_tls() { ask --resolve "payment-server:6000:$subnet.4" --cacert "$secrets/ca.pem" "$@" "$url/initiate-payment"; }
  with_certificate() { over_tls --cert "$secrets/operator.pem" --key "$secrets/operator-key.pem"; }
  eventually 'a payment, by the Compose profile stytch' "$paid" with_certificate
  check 'none without a certificate' '' "$(over_tls || true)"
  mapfile -t settings < <(tls rotate-client-secret operator)
  start job rotate-client-secret 5 "${settings[@]}" "${stytch[@]}" PROPAGATION_SECONDS=60
  eventually 'the next secret is stored' 1 grep --count next-secret "$work/mounts/client-secret/client-secret"
  stop job
  check 'the job ends with 143 on SIGTERM, while it waits' 143 "$code"
  start job rotate-client-secret 5 "${settings[@]}" "${stytch[@]}" PROPAGATION_SECONDS=2
  await_end job
  check 'the next job completes the rotation' '0 *is rotated.*' "$code $(cat "$work/job.log")"
  check 'the file no longer has the old secret' '' \
    "$(grep --fixed-strings "$(value_of CLIENT_SECRET)" "$work/mounts/client-secret/client-secret" || true)"
  check 'a payment with it' "$paid" "$(with_certificate)"
  for name in payment-server wallet-server local-stytch; do stop_cleanly "$name"; done
}

try_build
create_network
try_local
try_stytch
echo 'All checks of the four images passed.'
