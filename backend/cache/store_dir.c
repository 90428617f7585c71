// SPDX-License-Identifier: Apache-2.0
#include "backend/cache/store_dir.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SAFE_OPEN (O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
#define TEMPORARY "tmp-"	/* what is being written; renamed when it is whole */
#define TEMPORARY_SECONDS 3600	/* older ones are nobody's */
#define USED_SECONDS 3600	/* a file's time of use is exact to this */
enum { VERSION_LENGTH = 16, RECORD_LENGTH = 33, NAME_SIZE = 64 };

/* ---- names ---- */

static bool parse_hex(const char *text, uint64_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < 16; i++) {
		const char *digit = text[i] ? strchr("0123456789abcdef", text[i]) : NULL;
		if (!digit)
			return false;
		*value = *value << 4 | (uint64_t)(digit - strchr("0123456789abcdef", '0'));
	}
	return true;
}

static bool parse_version(const char *text, uint64_t *version)
{
	return strlen(text) == VERSION_LENGTH && parse_hex(text, version);
}

static bool parse_record(const char *text, struct record_name *name)
{
	return strlen(text) == RECORD_LENGTH && text[16] == '-' && parse_hex(text, &name->key) && parse_hex(text + 17, &name->id);
}

static void print_record(char text[NAME_SIZE], struct record_name name)
{
	snprintf(text, NAME_SIZE, "%016" PRIx64 "-%016" PRIx64, name.key, name.id);
}

/* ---- opening ---- */

static bool is_safe(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & 077);
}

static bool make_parents(char *path)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = 0;
		bool good = !mkdir(path, 0700) || errno == EEXIST;
		*at = '/';
		if (!good)
			return false;
	}
	return true;
}

static bool make(const char *path)
{
	char *copy = strdup(path);
	bool good = copy && make_parents(copy) && (!mkdir(path, 0700) || errno == EEXIST);
	free(copy);
	return good;
}

int store_dir_open(const char *path, bool create, bool *missing, struct error *err)
{
	struct stat st;
	*missing = false;
	if (create && !make(path)) {
		error_set(err, ERROR_HOST, "%.200s: %s", path, strerror(errno));
		return -1;
	}
	int fd = open(path, SAFE_OPEN | O_DIRECTORY);
	if (fd < 0) {
		*missing = errno == ENOENT;
		bool link = !lstat(path, &st) && S_ISLNK(st.st_mode);
		error_set(err, ERROR_HOST, "%.200s: %s", path, link ? "is a link; the cache holds code, so it must be a directory itself" : strerror(errno));
		return -1;
	}
	if (!fstat(fd, &st) && is_safe(&st))
		return fd;
	close(fd);
	error_set(err, ERROR_HOST, "%.200s: %s", path, st.st_uid != geteuid() ? "belongs to another user; the cache holds code" :
		  "is open to other users; the cache holds code: chmod 700 it");
	return -1;
}

int store_dir_version(int dir, uint64_t version, bool create)
{
	char name[NAME_SIZE];
	struct stat st;
	snprintf(name, sizeof name, "%016" PRIx64, version);
	if (create && mkdirat(dir, name, 0700) && errno != EEXIST)
		return -1;
	int fd = openat(dir, name, SAFE_OPEN | O_DIRECTORY);
	if (fd >= 0 && !fstat(fd, &st) && is_safe(&st))
		return fd;
	if (fd >= 0) {
		close(fd);
		errno = EPERM;
	}
	return -1;
}

/* ---- going through ---- */

/* A stream of the directory's names that leaves fd open and where it is. NULL: none. */
static DIR *names_of(int fd)
{
	int own = openat(fd, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	if (!d && own >= 0)
		close(own);
	return d;
}

void store_dir_list(int version_dir, store_name_fn *each, void *opaque)
{
	DIR *d = names_of(version_dir);
	struct record_name name;
	for (struct dirent *e; d && (e = readdir(d));)
		if (parse_record(e->d_name, &name) && !each(opaque, name))
			break;
	if (d)
		closedir(d);
}

/* Calls `each` for every file of ours in every version; returns how many versions there are. */
typedef void file_fn(void *opaque, uint64_t version, int version_dir, const char *file, const struct stat *st);
static uint64_t each_file(int dir, file_fn *each, void *opaque)
{
	DIR *d = names_of(dir);
	uint64_t version, versions = 0;
	for (struct dirent *e; d && (e = readdir(d));) {
		int fd = parse_version(e->d_name, &version) ? store_dir_version(dir, version, false) : -1;
		DIR *files = fd >= 0 ? names_of(fd) : NULL;
		struct stat st;
		struct record_name name;
		for (struct dirent *f; files && (f = readdir(files));)
			if ((parse_record(f->d_name, &name) || !strncmp(f->d_name, TEMPORARY, strlen(TEMPORARY))) &&
			    !fstatat(fd, f->d_name, &st, AT_SYMLINK_NOFOLLOW))
				each(opaque, version, fd, f->d_name, &st);
		if (files)
			closedir(files);
		versions += fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
	return versions;
}

/* ---- reading and writing ---- */

static bool read_all(int fd, char *to, size_t size)
{
	while (size) {
		ssize_t n = read(fd, to, size);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			return false;
		if (n > 0) {
			to += n;
			size -= (size_t)n;
		}
	}
	return true;
}

static bool write_all(int fd, const char *from, size_t size)
{
	while (size) {
		ssize_t n = write(fd, from, size);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			from += n;
			size -= (size_t)n;
		}
	}
	return true;
}

static bool suits(const struct stat *st)
{
	return S_ISREG(st->st_mode) && is_safe(st) && st->st_size > 0 && st->st_size <= (off_t)RECORD_FILE_MAX;
}

static void *read_record(int version_dir, struct record_name name, bool use, size_t *size, bool *damaged)
{
	char text[NAME_SIZE];
	struct stat st;
	void *bytes = NULL;
	char *file = NULL;
	print_record(text, name);
	int fd = openat(version_dir, text, SAFE_OPEN | O_NONBLOCK);
	*damaged = fd >= 0 || errno != ENOENT;
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && suits(&st) && (file = malloc((size_t)st.st_size)) && read_all(fd, file, (size_t)st.st_size))
		bytes = record_unpack(name, file, (size_t)st.st_size, size);
	*damaged = !bytes;
	if (bytes && use && time(NULL) > st.st_mtim.tv_sec + USED_SECONDS)
		(void)!futimens(fd, NULL);	/* else it counts as unused, no more */
	free(file);
	close(fd);
	return bytes;
}

void *store_dir_read(int version_dir, struct record_name name, size_t *size, bool *damaged)
{
	return read_record(version_dir, name, true, size, damaged);
}

bool store_dir_write(int version_dir, struct record_name name, const void *bytes, size_t size, size_t *written)
{
	static _Atomic unsigned counter;	/* names differ between the threads of a process */
	char text[NAME_SIZE], temporary[NAME_SIZE];
	print_record(text, name);
	snprintf(temporary, sizeof temporary, TEMPORARY "%d-%u", (int)getpid(), atomic_fetch_add(&counter, 1));
	void *file = record_pack(name, bytes, size, written);
	if (!file) {
		errno = ENOMEM;
		return false;
	}
	int fd = openat(version_dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0 && write_all(fd, file, *written);
	if (fd >= 0)
		good = !close(fd) && good;
	good = good && !renameat(version_dir, temporary, version_dir, text);
	int error = errno;
	if (!good && fd >= 0)
		unlinkat(version_dir, temporary, 0);
	free(file);
	errno = error;
	return good;
}

/* ---- the whole ---- */

static uint64_t bytes_of(const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

static void count_file(void *opaque, uint64_t version, int version_dir, const char *file, const struct stat *st)
{
	struct store_usage *u = opaque;
	u->records += file[0] != TEMPORARY[0];
	u->bytes += bytes_of(st);
}

void store_dir_usage(int dir, struct store_usage *u)
{
	*u = (struct store_usage){ 0 };
	u->versions = each_file(dir, count_file, u);
}

struct aged { uint64_t version, bytes; struct timespec used; char name[NAME_SIZE]; };
struct pruning {
	struct store_usage *u;
	struct aged *file;
	size_t n, room;
	uint64_t limit;
	time_t now;
};

static void remove_file(struct store_usage *u, int version_dir, const char *name, uint64_t bytes)
{
	if (unlinkat(version_dir, name, 0))
		return;
	u->removed++;
	u->removed_bytes += bytes;
}

static void collect_file(void *opaque, uint64_t version, int version_dir, const char *file, const struct stat *st)
{
	struct pruning *p = opaque;
	if (file[0] == TEMPORARY[0]) {
		if (!p->limit || p->now > st->st_mtim.tv_sec + TEMPORARY_SECONDS)
			remove_file(p->u, version_dir, file, bytes_of(st));
		return;
	}
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 1024;
		struct aged *more = realloc(p->file, room * sizeof *more);
		if (!more)
			return;
		p->file = more;
		p->room = room;
	}
	p->file[p->n] = (struct aged){ .version = version, .bytes = bytes_of(st), .used = st->st_mtim };
	snprintf(p->file[p->n++].name, NAME_SIZE, "%s", file);
	p->u->records++;
	p->u->bytes += bytes_of(st);
}

static int older(const void *a, const void *b)
{
	const struct timespec *x = &((const struct aged *)a)->used, *y = &((const struct aged *)b)->used;
	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* Versions without records. A process that is about to write into one makes it again. */
static void remove_empty(int dir)
{
	DIR *d = names_of(dir);
	uint64_t version;
	for (struct dirent *e; d && (e = readdir(d));)
		if (parse_version(e->d_name, &version))
			(void)!unlinkat(dir, e->d_name, AT_REMOVEDIR);
	if (d)
		closedir(d);
}

void store_dir_prune(int dir, uint64_t limit, struct store_usage *u)
{
	*u = (struct store_usage){ 0 };
	struct pruning p = { .u = u, .limit = limit, .now = time(NULL) };
	each_file(dir, collect_file, &p);
	if (p.n)
		qsort(p.file, p.n, sizeof *p.file, older);
	for (size_t i = 0; i < p.n && u->bytes > limit; i++) {
		int fd = store_dir_version(dir, p.file[i].version, false);
		uint64_t removed = u->removed;
		if (fd >= 0) {
			remove_file(u, fd, p.file[i].name, p.file[i].bytes);
			close(fd);
		}
		u->records -= u->removed - removed;
		u->bytes -= u->removed > removed ? p.file[i].bytes : 0;
	}
	free(p.file);
	remove_empty(dir);
	u->versions = each_file(dir, count_file, &(struct store_usage){ 0 });
}

struct verifying { struct store_usage *u; bool remove; store_damaged_fn *each; void *opaque; };

static void verify_file(void *opaque, uint64_t version, int version_dir, const char *file, const struct stat *st)
{
	struct verifying *v = opaque;
	struct record_name name;
	size_t size;
	bool damaged;
	if (!parse_record(file, &name))
		return;
	v->u->records++;
	v->u->bytes += bytes_of(st);
	free(read_record(version_dir, name, false, &size, &damaged));
	if (!damaged)
		return;
	char text[2 * NAME_SIZE];
	snprintf(text, sizeof text, "%016" PRIx64 "/%s", version, file);
	v->u->damaged++;
	if (v->each)
		v->each(v->opaque, text);
	if (v->remove)
		remove_file(v->u, version_dir, file, bytes_of(st));
}

void store_dir_verify(int dir, bool remove, store_damaged_fn *each, void *opaque, struct store_usage *u)
{
	*u = (struct store_usage){ 0 };
	u->versions = each_file(dir, verify_file, &(struct verifying){ u, remove, each, opaque });
}
