#!/bin/sh
# A sweep in eight shards as a Slurm array. The folder for results must be on a file system that all nodes share:
#
#   sbatch --wait slurm-array.sh mine.yaml results --seeds 30
#   rebsim merge results/
#
# Shards are as many as the array has tasks: sbatch --array=1-32 slurm-array.sh ... makes it 32. `sbatch --wait` ends with the
# highest code of a task; a task that was requeued goes on where it was (--resume).
#SBATCH --job-name=rebsim-sweep
#SBATCH --array=1-8
#SBATCH --cpus-per-task=1
#SBATCH --requeue
set -eu
scenario=$1
results=$2
shift 2
exec rebsim sweep "$scenario" --out "$results" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --shard-count "$SLURM_ARRAY_TASK_COUNT" --resume "$@"
