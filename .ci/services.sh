#!/usr/bin/env bash
# PostgreSQL, an S3 API (moto) and an MLflow server on both, on loopback, for tests and for trying things out.
#
#   services.sh install         Debian's PostgreSQL, where it is absent and we may install it
#   services.sh start FOLDER    all three; FOLDER/env then sets what their clients read
#   services.sh stop FOLDER     ends what start began there, and nothing else
#
# FOLDER must be one that the user postgres may enter, e.g. of `mktemp -d /tmp/mmm-XXXX`. Ends with status 3
# and the reason where PostgreSQL is absent or the packages of the `jobs` and `dev` extras are.
set -euo pipefail
PYTHON=${PYTHON:-python}
# runuser lies where not every user looks.
PATH=$PATH:/usr/sbin:/sbin
USER_OF_DATABASE=mmm
BUCKET=mmm

cannot() {
    echo "$1" >&2
    exit 3
}

binaries() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }

install() {
    [ -n "$(binaries)" ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        cannot "PostgreSQL is absent and cannot be installed here"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    apt-get install -y -qq --no-install-recommends postgresql >/dev/null || cannot "apt-get could not install PostgreSQL"
}

# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

free_port() { "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# until_answered SECONDS URL PID: whether a server answers before its process or the time ends.
until_answered() {
    for _ in $(seq $(($1 * 2))); do
        "$PYTHON" -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=2)' "$2" 2>/dev/null && return
        kill -0 "$3" 2>/dev/null || return 1
        sleep 0.5
    done
    return 1
}

start_postgres() {
    local port=$1 folder=$2
    mkdir "$folder/database"
    "$PYTHON" -c 'import secrets; print(secrets.token_hex(16))' >"$folder/password"
    [ "$(id -u)" -eq 0 ] && chown postgres "$folder/database" "$folder/password"
    as_postgres "$(binaries)/initdb" --pgdata="$folder/database" --username=$USER_OF_DATABASE --encoding=UTF8 \
        --locale=C --auth=scram-sha-256 --pwfile="$folder/password" >"$folder/initdb.log" 2>&1
    # Nothing of these data has to survive a power cut.
    as_postgres "$(binaries)/pg_ctl" --pgdata="$folder/database" --log="$folder/database/log" --wait --silent start \
        --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off" >/dev/null
    export PGPASSWORD
    PGPASSWORD=$(cat "$folder/password")
    "$(binaries)/createdb" --host=127.0.0.1 --port="$port" --username=$USER_OF_DATABASE mlflow
}

start_s3() {
    local port=$1 folder=$2
    setsid "$PYTHON" -m moto.server -H 127.0.0.1 -p "$port" >"$folder/s3.log" 2>&1 &
    echo $! >"$folder/s3.pid"
    until_answered 60 "http://127.0.0.1:$port/moto-api/" "$(cat "$folder/s3.pid")" || cannot "moto did not start: $(tail -1 "$folder/s3.log")"
    "$PYTHON" -c 'import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], method="PUT"))' "http://127.0.0.1:$port/$BUCKET"
}

start_mlflow() {
    local port=$1 database=$2 folder=$3
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false setsid "$PYTHON" -m mlflow server --host 127.0.0.1 --port "$port" \
        --workers 1 --backend-store-uri "postgresql://$USER_OF_DATABASE@127.0.0.1:$database/mlflow" \
        --artifacts-destination "s3://$BUCKET/mlflow" >"$folder/mlflow.log" 2>&1 &
    echo $! >"$folder/mlflow.pid"
    until_answered 180 "http://127.0.0.1:$port/health" "$(cat "$folder/mlflow.pid")" || cannot "MLflow's server did not start: $(tail -1 "$folder/mlflow.log")"
}

start() {
    local folder=$1
    install
    "$PYTHON" -c 'import mlflow, moto, psycopg' 2>/dev/null || cannot "mlflow, moto or psycopg is not installed"
    chmod 711 "$folder"
    local database s3 server
    database=$(free_port) s3=$(free_port) server=$(free_port)
    cat >"$folder/env" <<END
AWS_ENDPOINT_URL=http://127.0.0.1:$s3
AWS_ACCESS_KEY_ID=$BUCKET
AWS_SECRET_ACCESS_KEY=nothing-to-hide
AWS_DEFAULT_REGION=us-east-1
MLFLOW_TRACKING_URI=http://127.0.0.1:$server
END
    set -a
    # shellcheck source=/dev/null
    . "$folder/env"
    set +a
    start_postgres "$database" "$folder"
    start_s3 "$s3" "$folder"
    start_mlflow "$server" "$database" "$folder"
}

stop() {
    local folder=$1 name
    for name in mlflow s3; do
        if [ -f "$folder/$name.pid" ]; then
            kill -- "-$(cat "$folder/$name.pid")" 2>/dev/null || true
        fi
    done
    if as_postgres test -f "$folder/database/postmaster.pid"; then
        as_postgres "$(binaries)/pg_ctl" --pgdata="$folder/database" --mode=immediate --silent stop
    fi
}

case "${1:-}" in
install) install ;;
start | stop) "$1" "${2:?a folder}" ;;
*) echo "usage: services.sh install | start FOLDER | stop FOLDER" >&2 && exit 2 ;;
esac
