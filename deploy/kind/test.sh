#!/usr/bin/env bash
# Deploys both overlays to a new cluster on this machine, and tries what deploy/README.md promises. It shows how to deploy,
# step by step. It needs docker, kind, kubectl and openssl, and takes about fifteen minutes:
#
#   bash deploy/kind/test.sh
#
# local-stytch replaces Stytch, and everything else is as in the overlays. The cluster is deleted at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
cluster=stytch-m2m
cert_manager=https://github.com/cert-manager/cert-manager/releases/download/v1.16.2/cert-manager.yaml

step() { printf '\n== %s\n' "$*"; }
fail() { echo "FAIL: $*"; exit 1; }

show_state() {
  kubectl get pods,jobs,certificates --all-namespaces || true
  kubectl get events --all-namespaces --sort-by .lastTimestamp | tail -n 40 || true
  for name in wallet-server payment-server local-stytch; do
    kubectl --namespace "${namespace:-default}" logs --selector "app.kubernetes.io/name=$name" --tail 30 || true
  done
}
trap '[[ $? == 0 ]] || show_state; kind delete cluster --name "$cluster"' EXIT

step 'A cluster, with the images in its nodes, and cert-manager'
kind create cluster --name "$cluster" --wait 120s
for image in wallet-server payment-server rotate-client-secret local-stytch; do
  docker build --quiet --target "$image" --tag "registry.example.com/stytch-m2m/$image:kind" .
  kind load docker-image --name "$cluster" "registry.example.com/stytch-m2m/$image:kind"
done
kubectl apply --filename "$cert_manager"
kubectl --namespace cert-manager wait deployment --all --for condition=Available --timeout 180s
# The overlays allow calls of the payment-server from this namespace only.
kubectl create namespace gateway

try_overlay() { # NAME
  namespace=stytch-m2m-$1
  local in_namespace=(kubectl --namespace "$namespace")

  step "$1: the namespace, and the three Secrets"
  kubectl apply --filename "deploy/kubernetes/overlays/$1/namespace.yaml"
  "${in_namespace[@]}" create secret generic stytch-secret --from-literal secret=secret-test-for-local-stytch
  "${in_namespace[@]}" create secret generic payment-client-secret \
    --from-literal client-secret=payment-service-at-local-stytch
  "${in_namespace[@]}" create secret generic operator-client-secret \
    --from-literal client-secret=operator-at-local-stytch

  step "$1: the overlay"
  kubectl apply --kustomize "deploy/kind/$1"
  for name in local-stytch wallet-server payment-server; do
    "${in_namespace[@]}" rollout status deployment "$name" --timeout 240s
  done

  step "$1: a payment over mutual TLS, with the certificate of the gateway, which is copied to its namespace"
  "${in_namespace[@]}" wait certificate gateway --for condition=Ready --timeout 60s
  copy_gateway_certificate
  kubectl --namespace gateway create configmap payments --from-file deploy/kind/payments.mjs \
    --dry-run=client --output yaml | kubectl apply --filename -
  start_payments one 1
  await_payments one 60s

  step "$1: no pod of another namespace may call the wallet-server"
  start_payments forbidden 1 "https://wallet-server.$namespace.svc:4000/healthz"
  kubectl --namespace gateway wait job forbidden --for condition=Failed --timeout 120s
  kubectl --namespace gateway logs job/forbidden | grep 'no answer' || fail 'the network policy does not apply'

  step "$1: a rotation of both secrets under load: no payment fails"
  start_payments rotation 240
  for job in rotate-client-secret rotate-operator-secret; do
    "${in_namespace[@]}" create job --from "cronjob/$job" "$job-now"
  done
  for job in rotate-client-secret rotate-operator-secret; do
    "${in_namespace[@]}" wait job "$job-now" --for condition=Complete --timeout 300s
    "${in_namespace[@]}" logs "job/$job-now"
  done
  await_payments rotation 300s
  [[ $(secret_in payment-client-secret) != payment-service-at-local-stytch ]] || fail 'the secret is still the first one'
  [[ $(secret_in operator-client-secret) != operator-at-local-stytch ]] || fail 'the operator has the first secret'

  step "$1: a rolling update of both servers under load, after which the new pods use the rotated secret: no payment fails"
  start_payments update 120
  for name in wallet-server payment-server; do
    "${in_namespace[@]}" rollout restart deployment "$name"
    "${in_namespace[@]}" rollout status deployment "$name" --timeout 240s
  done
  await_payments update 240s

  step "$1: deleting the overlay leaves the client secret"
  local before
  before=$(secret_in payment-client-secret)
  kubectl delete --kustomize "deploy/kind/$1"
  [[ $(secret_in payment-client-secret) == "$before" ]] || fail 'the client secret is gone'
  kubectl --namespace gateway delete jobs --all
}

secret_in() { # SECRET: the first line of its client-secret
  kubectl --namespace "$namespace" get secret "$1" --output jsonpath='{.data.client-secret}' | base64 --decode | head -n 1
}

copy_gateway_certificate() {
  local folder
  folder=$(mktemp --directory)
  for file in tls.crt tls.key ca.crt; do
    kubectl --namespace "$namespace" get secret gateway-certificate \
      --output jsonpath="{.data.${file/./\\.}}" | base64 --decode >"$folder/$file"
  done
  kubectl --namespace gateway create secret generic gateway-certificate --from-file "$folder" \
    --dry-run=client --output yaml | kubectl apply --filename -
  rm --recursive "$folder"
}

# Starts a Job that calls the payment-server, or another address, for some seconds. It fails if a call fails.
start_payments() { # JOB SECONDS [ADDRESS]
  local address=${3:-https://payment-server.$namespace.svc:6000/initiate-payment}
  kubectl --namespace gateway delete job "$1" --ignore-not-found
  kubectl apply --filename - <<END
apiVersion: batch/v1
kind: Job
metadata: { name: $1, namespace: gateway }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: payments
          image: registry.example.com/stytch-m2m/payment-server:kind
          command: [node, /payments/payments.mjs, '$address', '$2']
          volumeMounts:
            - { name: payments, mountPath: /payments }
            - { name: certificate, mountPath: /certificate }
      volumes:
        - name: payments
          configMap: { name: payments }
        - name: certificate
          secret: { secretName: gateway-certificate }
END
}

await_payments() { # JOB TIMEOUT
  kubectl --namespace gateway wait job "$1" --for condition=Complete --timeout "$2" ||
    { kubectl --namespace gateway logs "job/$1"; fail "payments failed: $1"; }
  kubectl --namespace gateway logs "job/$1"
}

try_overlay staging
try_overlay production
step 'All steps passed.'
