/* Reads rows at known places with pread(2), one by one, into one buffer: part K of N. See together.py.
 *
 *   pread_rows ROWS FILE... -- K N     ROWS as rows_of_index.py writes it; prints bytes and the sum of first numbers
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma pack(push, 1)
struct row { uint32_t file; uint64_t offset, bytes; };
#pragma pack(pop)

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  int files = 0, fd[1024];
  while (files + 2 < argc && strcmp(argv[files + 2], "--") != 0) {
    fd[files] = open(argv[files + 2], O_RDONLY);
    if (fd[files] < 0) return 1;
    files++;
  }
  long part = atol(argv[files + 3]), parts = atol(argv[files + 4]);
  FILE *in = fopen(argv[1], "rb");
  fseek(in, 0, SEEK_END);
  long rows = ftell(in) / sizeof(struct row);
  rewind(in);
  struct row *all = malloc(rows * sizeof *all);
  if (fread(all, sizeof *all, rows, in) != (size_t)rows) return 1;
  uint64_t most = 0;
  for (long i = 0; i < rows; i++) if (all[i].bytes > most) most = all[i].bytes;
  char *buffer = aligned_alloc(4096, (most + 4095) / 4096 * 4096);
  memset(buffer, 1, most);
  puts("ready");
  fflush(stdout);
  getchar();
  double begun = now();
  uint64_t bytes = 0;
  int64_t check = 0;
  for (long i = rows * part / parts; i < rows * (part + 1) / parts; i++) {
    for (uint64_t done = 0; done < all[i].bytes;) {
      ssize_t got = pread(fd[all[i].file], buffer + done, all[i].bytes - done, all[i].offset + done);
      if (got <= 0) return 1;
      done += got;
    }
    bytes += all[i].bytes;
    check += *(int32_t *)buffer;
  }
  printf("%.9f %.9f %llu %lld\n", begun, now(), (unsigned long long)bytes, (long long)check);
  return 0;
}
