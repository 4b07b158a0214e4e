#!/bin/sh
# A standalone Spark cluster on this machine's loopback: a master and two workers, each a JVM.
#
#   scripts/cluster.sh start DIRECTORY    prints the master's address
#   scripts/cluster.sh stop DIRECTORY     ends what start left in DIRECTORY
#
# DIRECTORY gets a pid file and a log of each, and the workers' own directories. The Spark is
# SPARK_HOME's, else the one in .venv. WORKER_CORES (1) and WORKER_MEMORY (2g) are a worker's, and
# WORKER_HOSTS ("127.0.0.1 127.0.0.1") are the addresses of both: Spark takes two for two machines.
set -eu

seconds_max=120
usage="usage: scripts/cluster.sh start|stop DIRECTORY"
action=${1:?$usage}
mkdir -p "${2:?$usage}"
directory=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."

fail() {
    echo "cluster.sh: $1" >&2
    exit 1
}

spark_home() {
    if [ -n "${SPARK_HOME:-}" ]; then
        printf '%s\n' "$SPARK_HOME"
    else
        .venv/bin/python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)'
    fi
}

# $1 names it, the rest are the class and its arguments. spark-class becomes the JVM, so $! is its
# id. A worker hands its environment on to executors: nothing of a Python's may be in it.
launch() {
    name=$1
    shift
    [ ! -e "$directory/$name.pid" ] || fail "$directory/$name.pid is there: stop that one first"
    nohup env -u PYTHONPATH -u PYTHONHOME -u PYSPARK_PYTHON -u PYSPARK_DRIVER_PYTHON -u VIRTUAL_ENV \
        SPARK_HOME="$home" SPARK_LOCAL_IP=127.0.0.1 SPARK_DAEMON_MEMORY=256m \
        "$home/bin/spark-class" "$@" </dev/null >"$directory/$name.log" 2>&1 &
    echo $! >"$directory/$name.pid"
}

is_running() { kill -0 "$1" 2>/dev/null; }

# Wait until the log of $1 says $2; where it does not, end what was started.
await() {
    tries=$((seconds_max * 5))
    until grep -q "$2" "$directory/$1.log"; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ] || ! is_running "$(cat "$directory/$1.pid")"; then
            tail -n 20 "$directory/$1.log" >&2
            stop
            fail "$1 did not start: its log ends as above"
        fi
        sleep 0.2
    done
}

start() {
    home=$(spark_home)
    JAVA_HOME=$(scripts/find_java.sh)
    export JAVA_HOME
    launch master org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 0 --webui-port 0
    await master 'I have been elected leader'
    master=$(sed -n 's/.*Starting Spark master at \(spark:[^ ]*\).*/\1/p' "$directory/master.log")
    number=0
    for host in ${WORKER_HOSTS:-127.0.0.1 127.0.0.1}; do
        number=$((number + 1))
        launch "worker-$number" org.apache.spark.deploy.worker.Worker --host "$host" --port 0 \
            --webui-port 0 --cores "${WORKER_CORES:-1}" --memory "${WORKER_MEMORY:-2g}" \
            --work-dir "$directory/worker-$number" "$master"
    done
    for number in 1 2; do await "worker-$number" 'Successfully registered with master'; done
    printf '%s\n' "$master"
}

# By id, and only what is Spark's: another process may have the id by now.
stop() {
    for file in "$directory"/worker-*.pid "$directory"/master.pid; do
        [ -e "$file" ] || continue
        pid=$(cat "$file")
        case $(ps -ww -o args= -p "$pid") in *org.apache.spark.*) end "$pid" ;; esac
        rm "$file"
    done
}

end() {
    kill "$1" || return 0
    tries=$((seconds_max * 5))
    while is_running "$1"; do
        tries=$((tries - 1))
        if [ $tries -eq 0 ]; then kill -9 "$1"; fi
        sleep 0.2
    done
}

case $action in
    start) start ;;
    stop) stop ;;
    *) fail "$usage" ;;
esac
