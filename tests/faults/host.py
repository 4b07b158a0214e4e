"""A JVM with a session that outlives its drivers: prints port, secret and the JVM's id, then does
what it reads: `cancel` ends all jobs, the end of input ends the JVM."""

import json
import sys

from bfpack_spark.spark.session import get_session


def main() -> None:
    spark = get_session(json.loads(sys.argv[1]))
    context = spark.sparkContext
    gateway = context._gateway
    told = {
        "port": gateway.gateway_parameters.port,
        "secret": gateway.gateway_parameters.auth_token,
    }
    print(json.dumps({**told, "jvm": gateway.proc.pid}), flush=True)
    for line in sys.stdin:
        if line.strip() == "cancel":
            context.cancelAllJobs()
        print("done", flush=True)


if __name__ == "__main__":
    main()
