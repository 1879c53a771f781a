import { fault } from "./faults.ts";

/** Which of a job's processes this one is, as far as whoever started it says. */
export interface PlaceInJob {
  /** From 0; undefined: nobody says, and the first that takes the lock is the coordinator. */
  readonly rank: number | undefined;
  /** How many processes there are; undefined: nobody says. */
  readonly size: number | undefined;
  /** The batch system's number of the job, the same after a requeue; undefined: it is of no batch system. */
  readonly job: string | undefined;
  /** The same for all processes that were started together, and for no others; undefined: nobody says. */
  readonly launch: string | undefined;
}

/** What was typed. */
export interface PlaceFlags {
  readonly rank?: string | undefined;
  readonly size?: string | undefined;
  readonly job?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** More processes than a coordinator can have clients. */
const SIZE_MAX = 65_536;

/**
 * What was typed counts first, then who started the process last: mpirun starts its processes by srun, too,
 * which then says of them what is true of mpirun's own.
 *
 * @throws EvbError "place-bad", "place-half", "rank-too-large"
 */
export function placeInJob(env: Environment, flags: PlaceFlags): PlaceInJob {
  const job = named(flags.job) ?? batchJob(env);
  const typed = pair({ "--rank": flags.rank, "--size": flags.size });
  if (typed !== undefined) return { ...typed, job, launch: undefined };
  const { PMIX_NAMESPACE, OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, PMI_RANK, PMI_SIZE } = env;
  const mpirun =
    pair({ OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE }) ?? pair({ PMI_RANK, PMI_SIZE });
  if (mpirun !== undefined)
    return { ...mpirun, job, launch: PMIX_NAMESPACE && `mpirun-${PMIX_NAMESPACE}` };
  const slurm = slurmTask(env);
  if (slurm !== undefined) return { ...slurm, job };
  if (env["PMIX_RANK"] !== undefined)
    throw fault("place-half", { one: "PMIX_RANK", other: "a number of processes" });
  if (flags.job !== undefined) return { rank: undefined, size: undefined, job, launch: undefined };
  return lsfTask(env, job) ?? { rank: 0, size: 1, job, launch: undefined };
}

/** In a batch script itself, SLURM_PROCID is 0, and only srun makes tasks. */
function slurmTask(env: Environment): Pick<PlaceInJob, "rank" | "size" | "launch"> | undefined {
  const { SLURM_STEP_ID, SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_NTASKS } = env;
  if (SLURM_STEP_ID === undefined) return undefined;
  const { SLURM_RESTART_COUNT = "0" } = env;
  const place =
    SLURM_STEP_NUM_TASKS === undefined
      ? pair({ SLURM_PROCID, SLURM_NTASKS })
      : pair({ SLURM_PROCID, SLURM_STEP_NUM_TASKS });
  return place && { ...place, launch: `step-${SLURM_STEP_ID}-${SLURM_RESTART_COUNT}` };
}

/** blaunch says neither; as many processes as the job has slots. */
function lsfTask(env: Environment, job: string | undefined): PlaceInJob | undefined {
  const { LSB_JOBID, LSB_DJOB_NUMPROC } = env;
  if (LSB_JOBID === undefined) return undefined;
  const size =
    LSB_DJOB_NUMPROC === undefined
      ? undefined
      : whole("LSB_DJOB_NUMPROC", LSB_DJOB_NUMPROC, { min: 1, max: SIZE_MAX });
  return { rank: undefined, size, job, launch: undefined };
}

/** An array's tasks have numbers of their own under Slurm; under LSF, one for all and an index, 0 for no array. */
function batchJob(env: Environment): string | undefined {
  const { SLURM_JOB_ID, LSB_JOBID, LSB_JOBINDEX = "0" } = env;
  if (named(SLURM_JOB_ID) !== undefined) return `slurm-${SLURM_JOB_ID!}`;
  if (named(LSB_JOBID) === undefined) return undefined;
  return LSB_JOBINDEX === "0" ? `lsf-${LSB_JOBID!}` : `lsf-${LSB_JOBID!}-${LSB_JOBINDEX}`;
}

const named = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

/** A rank and a size, by their names, in this order. */
function pair(
  named: Readonly<Record<string, string | undefined>>,
): { rank: number; size: number } | undefined {
  const [[rankName, rankText], [sizeName, sizeText]] = Object.entries(named) as [
    [string, string | undefined],
    [string, string | undefined],
  ];
  if (rankText === undefined && sizeText === undefined) return undefined;
  if (rankText === undefined) throw fault("place-half", { one: sizeName, other: rankName });
  if (sizeText === undefined) throw fault("place-half", { one: rankName, other: sizeName });
  const size = whole(sizeName, sizeText, { min: 1, max: SIZE_MAX });
  const rank = whole(rankName, rankText, { min: 0, max: SIZE_MAX });
  if (rank >= size)
    throw fault("rank-too-large", {
      rank: `${rankName} ${rankText}`,
      size: `${sizeName} ${sizeText}`,
    });
  return { rank, size };
}

function whole(name: string, text: string, { min, max }: { min: number; max: number }): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  const wanted = `a whole number from ${String(min)} to ${String(max)}`;
  throw fault("place-bad", { name, text, wanted });
}
