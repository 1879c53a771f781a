#!/bin/sh
# A coordinator and one client, as on two hosts; the client starts when the coordinator listens.
#
#   coordinated-client.sh NODE BIN INDEX OUT ANALYSIS TRACE
"$1" "$2/coordinator.js" "$3" -o "$4" --clients 1 --analysis "$5" --trace "$6" --quiet &
until [ -s "$4/connection.json" ]; do
  kill -0 $! || exit 1
  sleep 0.02
done
"$1" "$2/client.js" "$4/connection.json" --quiet && wait $!
