// SPDX-License-Identifier: Apache-2.0
/* The cache on disk: what is read is what was written or nothing, whatever happens to files, disks and processes. */
#include "backend/cache/store.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "backend/cache/store_dir.h"
#include "tests/check_main.h"

#define VERSION "test 1"
static char top[64], dir[80];

static void setup(void)
{
	snprintf(top, sizeof top, "/tmp/calque-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof dir, "%s/a/cache", top);
}

static void teardown(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

static struct store *must_open(const char *version, uint64_t limit)
{
	struct error err = { 0 };
	struct store *s = store_open(dir, version, limit, &err);
	ck_assert_msg(s, "%s", err.text);
	return s;
}

/* What the tests keep: bytes that tell by which key and id they were written. */
static void fill(struct record_name name, char bytes[4096])
{
	for (unsigned i = 0; i < 4096; i++)
		bytes[i] = (char)(name.key * 7 + name.id * 31 + i * i / 64);
}

static void put(struct store *s, uint64_t key, uint64_t id)
{
	char bytes[4096];
	fill((struct record_name){ key, id }, bytes);
	store_write(s, (struct record_name){ key, id }, bytes, sizeof bytes);
}

/* Whether the record is there; it is right then. */
static bool is_there(struct store *s, uint64_t key, uint64_t id)
{
	char wanted[4096];
	size_t size = 0;
	char *bytes = store_read(s, (struct record_name){ key, id }, &size);
	fill((struct record_name){ key, id }, wanted);
	if (bytes) {
		ck_assert_uint_eq(size, sizeof wanted);
		ck_assert_mem_eq(bytes, wanted, size);
	}
	free(bytes);
	return bytes;
}

static struct store_stats stats_of(struct store *s)
{
	struct store_stats stats;
	store_get_stats(s, &stats);
	return stats;
}

/* The path of the only version's directory, or of a file in it. */
static const char *path_of(const char *file)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%016llx/%s", dir, (unsigned long long)record_hash(0, VERSION, strlen(VERSION)), file);
	return path;
}
#define FILE_1_2 "0000000000000001-0000000000000002"
#define FILE_1_3 "0000000000000001-0000000000000003"

START_TEST(keeps_what_is_written)
{
	uint64_t id[4];
	struct store *s = must_open(VERSION, 1 << 20);
	ck_assert_uint_eq(store_find(s, 1, id, 4), 0);
	put(s, 1, 2);
	put(s, 1, 3);
	put(s, 5, 2);
	ck_assert_uint_eq(store_find(s, 1, id, 4), 2);
	store_close(s);
	s = must_open(VERSION, 1 << 20);
	ck_assert_uint_eq(stats_of(s).known, 3);
	ck_assert_uint_eq(store_find(s, 1, id, 4), 2);
	ck_assert_uint_eq(id[0] + id[1], 5);
	ck_assert_uint_eq(store_find(s, 1, id, 1), 1);
	ck_assert_uint_eq(store_find(s, 2, id, 4), 0);
	ck_assert(is_there(s, 1, 2) && is_there(s, 1, 3) && is_there(s, 5, 2) && !is_there(s, 5, 3));
	ck_assert_uint_eq(stats_of(s).damaged, 0);
	store_close(s);
	s = must_open("test 2", 1 << 20);
	ck_assert_uint_eq(stats_of(s).known, 0);
	store_close(s);
}
END_TEST

START_TEST(many_names_are_found)
{
	uint64_t id[8];
	struct store *s = must_open(VERSION, 1 << 30);
	for (uint64_t i = 1; i <= 1500; i++)
		put(s, i % 500 + 1, i);
	for (uint64_t key = 1; key <= 500; key++)
		ck_assert_uint_eq(store_find(s, key, id, 8), 3);
	store_close(s);
}
END_TEST

START_TEST(no_damage_is_read)
{
	struct record_name name = { 1, 2 };
	char bytes[200];
	size_t size, got;
	memset(bytes, 'x', sizeof bytes);
	char *file = record_pack(name, bytes, sizeof bytes, &size), *whole = record_unpack(name, file, size, &got);
	ck_assert_uint_eq(got, sizeof bytes);
	ck_assert_mem_eq(whole, bytes, got);
	free(whole);
	for (size_t i = 0; i < size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			file[i] ^= (char)(1 << bit);
			ck_assert_ptr_null(record_unpack(name, file, size, &got));
			file[i] ^= (char)(1 << bit);
		}
	for (size_t n = 0; n < size; n++)
		ck_assert_ptr_null(record_unpack(name, file, n, &got));
	ck_assert_ptr_null(record_unpack((struct record_name){ 1, 3 }, file, size, &got));
	ck_assert_ptr_null(record_unpack((struct record_name){ 2, 2 }, file, size, &got));
	free(file);
	ck_assert_ptr_null(record_pack(name, bytes, RECORD_MAX + 1, &size));
}
END_TEST

START_TEST(damaged_files_are_none)
{
	char other[256];
	struct store_usage u;
	struct store *s = must_open(VERSION, 1 << 20);
	put(s, 1, 2);
	/* under another name, as if two keys were one */
	snprintf(other, sizeof other, "%s", path_of(FILE_1_3));
	ck_assert_int_eq(link(path_of(FILE_1_2), other), 0);
	ck_assert(!is_there(s, 1, 3));
	ck_assert_uint_eq(stats_of(s).damaged, 1);
	ck_assert_int_eq(truncate(path_of(FILE_1_2), 0), 0);
	ck_assert(!is_there(s, 1, 2));
	bool missing;
	struct error err;
	int fd = store_dir_open(dir, false, &missing, &err);
	store_dir_verify(fd, false, NULL, NULL, &u);
	ck_assert(u.records == 2 && u.damaged == 2 && u.removed == 0);
	store_dir_verify(fd, true, NULL, NULL, &u);
	ck_assert(u.damaged == 2 && u.removed == 2);
	store_dir_usage(fd, &u);
	ck_assert(u.records == 0 && u.versions == 1);
	close(fd);
	put(s, 1, 2);
	ck_assert(is_there(s, 1, 2));
	store_close(s);
}
END_TEST

START_TEST(only_safe_files_are_read)
{
	struct store *s = must_open(VERSION, 1 << 20);
	char elsewhere[128];
	put(s, 1, 2);
	ck_assert_int_eq(chmod(path_of(FILE_1_2), 0644), 0);
	ck_assert(!is_there(s, 1, 2));
	ck_assert_int_eq(chmod(path_of(FILE_1_2), 0600), 0);
	ck_assert(is_there(s, 1, 2));
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", top);
	ck_assert_int_eq(rename(path_of(FILE_1_2), elsewhere), 0);
	ck_assert_int_eq(symlink(elsewhere, path_of(FILE_1_2)), 0);
	ck_assert(!is_there(s, 1, 2));
	ck_assert_int_eq(unlink(path_of(FILE_1_2)), 0);
	ck_assert_int_eq(mkfifo(path_of(FILE_1_2), 0600), 0);
	ck_assert(!is_there(s, 1, 2));
	ck_assert_int_eq(unlink(path_of(FILE_1_2)), 0);
	ck_assert_int_eq(mkdir(path_of(FILE_1_2), 0700), 0);
	ck_assert(!is_there(s, 1, 2));
	store_close(s);
}
END_TEST

static void refuses(const char *words)
{
	struct error err = { 0 };
	ck_assert_ptr_null(store_open(dir, VERSION, 1 << 20, &err));
	ck_assert_msg(strstr(err.text, words) && strstr(err.text, dir), "%s", err.text);
}

START_TEST(only_a_safe_directory_is_used)
{
	char elsewhere[128];
	struct stat st;
	store_close(must_open(VERSION, 1 << 20));
	ck_assert(!stat(dir, &st) && (st.st_mode & 0777) == 0700);
	for (unsigned mode = 1; mode <= 040; mode <<= 1) {
		ck_assert_int_eq(chmod(dir, 0700 | mode), 0);
		refuses("chmod 700");
	}
	ck_assert_int_eq(chmod(dir, 0700), 0);
	ck_assert_int_eq(chmod(path_of(""), 0720), 0);
	refuses("open to other users");
	ck_assert_int_eq(chmod(path_of(""), 0700), 0);
	store_close(must_open(VERSION, 1 << 20));
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", top);
	ck_assert_int_eq(rename(dir, elsewhere), 0);
	ck_assert_int_eq(symlink(elsewhere, dir), 0);
	refuses("is a link");
	ck_assert_int_eq(unlink(dir), 0);
	int fd = open(dir, O_CREAT | O_WRONLY, 0600);
	close(fd);
	refuses("Not a directory");
	if (!geteuid()) {
		ck_assert_int_eq(unlink(dir), 0);
		ck_assert_int_eq(mkdir(dir, 0700), 0);
		ck_assert_int_eq(chown(dir, 12345, 12345), 0);
		refuses("another user");
	}
}
END_TEST

static unsigned count_files(void)
{
	char command[160], number[16] = "";
	snprintf(command, sizeof command, "find %s -type f | wc -l", dir);
	FILE *f = popen(command, "r");
	ck_assert_ptr_nonnull(fgets(number, sizeof number, f));
	pclose(f);
	return (unsigned)atoi(number);
}

START_TEST(a_full_disk_loses_what_is_new)
{
	struct rlimit old, none = { 0 };
	struct store *s = must_open(VERSION, 1 << 20);
	put(s, 1, 2);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = (struct rlimit){ 100, old.rlim_max };	/* each write is cut, then refused */
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	put(s, 1, 3);
	put(s, 1, 2);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	ck_assert_uint_eq(stats_of(s).unwritten, 2);
	ck_assert(is_there(s, 1, 2) && !is_there(s, 1, 3));
	ck_assert_uint_eq(count_files(), 1);
	store_close(s);
}
END_TEST

START_TEST(the_oldest_goes_first)
{
	char name[64];
	struct store_usage u;
	struct error err;
	bool missing;
	struct store *s = must_open(VERSION, 1 << 20);
	for (unsigned i = 0; i < 10; i++) {
		put(s, 1, i);
		snprintf(name, sizeof name, "%016x-%016x", 1, i);
		struct timespec used[2] = { { .tv_sec = 1000 - 10 * (i % 5) }, { .tv_sec = 1000 - 10 * (i % 5) } };
		ck_assert_int_eq(utimensat(AT_FDCWD, path_of(name), used, 0), 0);
	}
	ck_assert(is_there(s, 1, 4));	/* counts as used now */
	int fd = open(path_of("tmp-1-1"), O_CREAT | O_WRONLY, 0600), young = open(path_of("tmp-1-2"), O_CREAT | O_WRONLY, 0600);
	ck_assert(fd >= 0 && young >= 0);
	ck_assert_int_eq(futimens(fd, (struct timespec[2]){ { .tv_sec = 1000 }, { .tv_sec = 1000 } }), 0);
	close(fd);
	close(young);
	fd = store_dir_open(dir, false, &missing, &err);
	store_dir_usage(fd, &u);
	ck_assert_uint_eq(u.records, 10);
	store_dir_prune(fd, u.bytes / 10 * 4, &u);
	ck_assert(u.records == 4 && u.removed == 7);
	/* left: those of 1000, one of 990, and what has been used */
	ck_assert(is_there(s, 1, 0) && is_there(s, 1, 5) && is_there(s, 1, 4) && !is_there(s, 1, 9) && !is_there(s, 1, 3));
	ck_assert_int_eq(access(path_of("tmp-1-2"), F_OK), 0);
	store_dir_prune(fd, 0, &u);
	ck_assert(u.records == 0 && u.bytes == 0 && u.versions == 0);
	ck_assert_uint_eq(count_files(), 0);
	close(fd);
	put(s, 1, 1);	/* its directory has gone */
	ck_assert(is_there(s, 1, 1));
	store_close(s);
}
END_TEST

START_TEST(writing_keeps_to_the_limit)
{
	struct store_usage u;
	struct error err;
	bool missing;
	struct store *s = must_open(VERSION, 64 << 10);
	for (unsigned i = 0; i < 100; i++)
		put(s, i + 1, 1);
	int fd = store_dir_open(dir, false, &missing, &err);
	store_dir_usage(fd, &u);
	ck_assert(u.records > 0 && u.bytes <= (64 << 10) + (64 << 10));
	store_close(s);
	store_dir_usage(fd, &u);
	ck_assert(u.records > 0 && u.bytes <= 64 << 10);
	close(fd);
}
END_TEST

/* A process that writes for ever, or until n records have been written. */
static pid_t writer(unsigned n)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	struct error err;
	struct store *s = store_open(dir, VERSION, 1 << 20, &err);
	for (unsigned i = 0; s && i < n; i++)
		put(s, i % 20 + 1, i % 3);
	_exit(!s);
}

START_TEST(processes_write_and_prune_at_once)
{
	struct store *s = must_open(VERSION, 1 << 20);
	pid_t child[2] = { writer(200), writer(200) };
	struct store_usage u;
	struct error err;
	bool missing;
	int fd = store_dir_open(dir, false, &missing, &err), status;
	for (unsigned i = 0; i < 500; i++) {
		is_there(s, i % 20 + 1, i % 3);
		if (i % 50 == 0)
			store_dir_prune(fd, 1 << 14, &u);
	}
	for (unsigned i = 0; i < 2; i++)
		ck_assert(waitpid(child[i], &status, 0) == child[i] && status == 0);
	ck_assert_uint_eq(stats_of(s).damaged, 0);
	store_dir_verify(fd, false, NULL, NULL, &u);
	ck_assert(u.records > 0 && u.damaged == 0);
	close(fd);
	store_close(s);
}
END_TEST

START_TEST(a_killed_process_leaves_whole_files)
{
	struct store_usage u;
	struct error err;
	bool missing;
	int status;
	store_close(must_open(VERSION, 1 << 20));
	int fd = store_dir_open(dir, false, &missing, &err);
	for (unsigned i = 0; i < 30; i++) {
		pid_t pid = writer(UINT32_MAX);
		usleep(1000 + i * 300);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		store_dir_verify(fd, false, NULL, NULL, &u);
		ck_assert_uint_eq(u.damaged, 0);
	}
	ck_assert_uint_gt(u.records, 0);
	struct store *s = must_open(VERSION, 1 << 20);
	ck_assert(is_there(s, 1, 0));
	store_close(s);
	store_dir_prune(fd, 0, &u);
	ck_assert_uint_eq(count_files(), 0);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *c = tcase_create("disk");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, keeps_what_is_written);
	tcase_add_test(c, many_names_are_found);
	tcase_add_test(c, no_damage_is_read);
	tcase_add_test(c, damaged_files_are_none);
	tcase_add_test(c, only_safe_files_are_read);
	tcase_add_test(c, only_a_safe_directory_is_used);
	tcase_add_test(c, a_full_disk_loses_what_is_new);
	tcase_add_test(c, the_oldest_goes_first);
	tcase_add_test(c, writing_keeps_to_the_limit);
	tcase_add_test(c, processes_write_and_prune_at_once);
	tcase_add_test(c, a_killed_process_leaves_whole_files);
	suite_add_tcase(s, c);
	return run_suites("backend/store", 1, &s);
}
