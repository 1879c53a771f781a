#!/bin/bash
# A batch script for Slurm, to be used as it is or copied and changed; docs/launching/slurm.md explains it.
#
#   sbatch -p QUEUE -N 4 -n 34 -t 2:00:00 scripts/submit-slurm.sh JOB.yaml      1 coordinator and 33 clients
#   sbatch -p QUEUE -n 1 scripts/submit-slurm.sh generate run1 --files 10       one evb command on one core
#   sbatch -p QUEUE -n 1 scripts/submit-slurm.sh index run1/ -o run1.index.h5
#
# EVB is the command, if `evb` isn't in the PATH of the hosts.
#SBATCH --job-name=evb
#SBATCH --output=evb-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --no-kill
#SBATCH --signal=B:USR1@120

if [ $# -eq 0 ]; then
  echo "usage: sbatch -n TASKS $0 JOB.yaml | COMMAND WORD..." >&2
  exit 2
fi
evb=${EVB:-evb}
case $1 in
*.yaml | *.yml) words=(rank "$@") ;;
*) words=("$@") ;;
esac

why=
caught=
# Before the walltime ends. Not srun is told, which would kill its tasks, but they.
trap 'why=walltime caught=yes; scancel --quiet --signal=TERM "$SLURM_JOB_ID"' USR1
# With scancel and scontrol requeue; the tasks have it already.
trap 'why=cancelled caught=yes' TERM
srun --kill-on-bad-exit=0 --wait=0 --no-kill "$evb" "${words[@]}" &
step=$!
# A signal ends `wait`, and not the step.
while wait "$step"; code=$?; [ -n "$caught" ] && [ "$code" -gt 128 ]; do caught=; done

# Stopped before its end: what was done is kept, and the same job goes on.
if [ "${words[0]}" = rank ] && [ "$code" -eq 4 ] && [ "$why" != cancelled ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
