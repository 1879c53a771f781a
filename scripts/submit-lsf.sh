#!/bin/sh
# A batch script for LSF, to be used as it is or copied and changed; docs/launching/lsf.md explains it. It was never
# run on a real LSF, only on a stub of it. LSF reads it from stdin, so what it does is in EVB_JOB or EVB_WORDS:
#
#   EVB_JOB=JOB.yaml bsub -q psnehq -n 34 -o evb-%J.log < scripts/submit-lsf.sh     1 coordinator and 33 clients
#   EVB_WORDS="generate run1 --files 10" bsub -q psnehq -n 1 < scripts/submit-lsf.sh    one evb command on one core
#   EVB_WORDS="index run1/ -o run1.index.h5" bsub -q psnehq -n 1 < scripts/submit-lsf.sh
#
# The queue is the site's; psnehq is one example. EVB is the command, if `evb` isn't in the PATH of the hosts.
#BSUB -J evb
#BSUB -o evb-%J.log
#BSUB -Q "4"
#BSUB -r

evb=${EVB:-evb}
why=
caught=
task=
# shellcheck disable=SC2317 # The traps call it.
pass_on() { why=$1 caught=yes; [ -z "$task" ] || kill -TERM "$task"; }
# USR2 comes at the run limit (and before it, with -wa USR2 -wt 2); INT and TERM with bkill, where the site lets them.
trap 'pass_on limit' USR2
trap 'pass_on killed' INT TERM
if [ -n "${EVB_JOB:-}" ]; then
  # One process in each slot; the first that takes OUT.lock is the coordinator.
  blaunch "$evb" rank "$EVB_JOB" &
elif [ -n "${EVB_WORDS:-}" ]; then
  # shellcheck disable=SC2086 # They are words.
  "$evb" $EVB_WORDS &
else
  echo "neither EVB_JOB nor EVB_WORDS is set; see the head of this script" >&2
  exit 2
fi
task=$!
# A signal ends `wait`, and not the processes.
while wait "$task"; code=$?; [ -n "$caught" ] && [ "$code" -gt 128 ]; do caught=; done
# A job that was killed isn't to be queued again, as one that ends with 4 is.
[ "$code" -eq 4 ] && [ "$why" = killed ] && code=130
exit "$code"
