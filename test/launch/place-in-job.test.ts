import { describe, expect, test } from "@jest/globals";
import { placeInJob, type PlaceInJob } from "@evb/launch";

const OMPI = {
  OMPI_COMM_WORLD_RANK: "2",
  OMPI_COMM_WORLD_SIZE: "4",
  PMIX_NAMESPACE: "1688141825",
  PMIX_RANK: "2",
};
const STEP = {
  SLURM_JOB_ID: "17",
  SLURM_STEP_ID: "0",
  SLURM_PROCID: "1",
  SLURM_NTASKS: "8",
  SLURM_STEP_NUM_TASKS: "3",
};
const LSF = { LSB_JOBID: "101", LSB_JOBINDEX: "0", LSB_DJOB_NUMPROC: "34" };

describe("the place of a process in its job", () => {
  test.each<[string, Record<string, string>, Partial<PlaceInJob>]>([
    ["typed without a launcher: it does all", {}, { rank: 0, size: 1, job: undefined }],
    ["started by mpirun", OMPI, { rank: 2, size: 4, job: undefined, launch: "mpirun-1688141825" }],
    ["started by another MPI", { PMI_RANK: "0", PMI_SIZE: "2" }, { rank: 0, size: 2 }],
    [
      "started by srun, the step's tasks counting",
      STEP,
      { rank: 1, size: 3, job: "slurm-17", launch: "step-0-0" },
    ],
    [
      "started by srun after a requeue: the same job, another start",
      { ...STEP, SLURM_RESTART_COUNT: "1" },
      { rank: 1, size: 3, job: "slurm-17", launch: "step-0-1" },
    ],
    [
      "started by mpirun, which starts its own processes by srun",
      { ...STEP, ...OMPI },
      { rank: 2, size: 4, job: "slurm-17", launch: "mpirun-1688141825" },
    ],
    [
      "in a batch script itself, where SLURM_PROCID is 0 as well: it does all",
      { SLURM_JOB_ID: "17", SLURM_PROCID: "0", SLURM_NTASKS: "8" },
      { rank: 0, size: 1, job: "slurm-17" },
    ],
    [
      "started by blaunch, which says no rank: they elect",
      LSF,
      { rank: undefined, size: 34, job: "lsf-101" },
    ],
    [
      "started by blaunch in an array: each task is a job",
      { ...LSF, LSB_JOBINDEX: "3" },
      { rank: undefined, size: 34, job: "lsf-101-3" },
    ],
  ])("%s", (_, env, place) => {
    expect(placeInJob(env, {})).toMatchObject(place);
  });

  test("what is typed counts before what a launcher says", () => {
    const place = placeInJob({ ...STEP, ...OMPI }, { rank: "5", size: "6", job: "mine" });
    expect(place).toEqual({ rank: 5, size: 6, job: "mine", launch: undefined });
  });

  test("a job's number without rank: they elect", () => {
    expect(placeInJob({}, { job: "mine" })).toMatchObject({ rank: undefined, job: "mine" });
  });

  test.each<[Record<string, string>, Record<string, string>, RegExp]>([
    [{}, { rank: "one", size: "2" }, /^--rank is one, and should be a whole number from 0 to/],
    [{}, { rank: "2", size: "2" }, /^--rank 2 is not below --size 2; ranks count from 0$/],
    [{}, { rank: "0", size: "0" }, /^--size is 0, and should be a whole number from 1 to/],
    [{}, { rank: "-1", size: "2" }, /^--rank is -1/],
    [{}, { rank: "", size: "2" }, /^--rank is empty/],
    [{}, { rank: "1" }, /^--rank is given without --size/],
    [{}, { size: "1" }, /^--size is given without --rank/],
    [{ OMPI_COMM_WORLD_RANK: "1" }, {}, /^OMPI_COMM_WORLD_RANK is given without OMPI_COMM_W/],
    [{ ...STEP, SLURM_PROCID: "3" }, {}, /^SLURM_PROCID 3 is not below SLURM_STEP_NUM_TASKS 3/],
    [{ PMIX_RANK: "1" }, {}, /^PMIX_RANK is given without a number of processes/],
    [{ ...LSF, LSB_DJOB_NUMPROC: "many" }, {}, /^LSB_DJOB_NUMPROC is many/],
  ])("%j %j is refused in one sentence", (env, flags, sentence) => {
    const place = (): unknown => placeInJob(env, flags);
    expect(place).toThrow(sentence);
    expect(place).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});
