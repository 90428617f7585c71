// SPDX-License-Identifier: Apache-2.0
#include "backend/cache/store.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "backend/cache/store_dir.h"

struct store {
	int dir, version_dir;
	uint64_t version, limit;
	pthread_mutex_t writing;	/* of what follows */
	uint64_t unpruned;		/* bytes written since the limit was looked at */
	bool full;			/* writing has failed */
	pthread_mutex_t lock;		/* of what follows; inside the other one */
	struct record_name *name;	/* open addressing; both 0: free */
	size_t size, used;		/* size: a power of two, at least twice what is used */
	struct store_stats stats;
};

/* ---- names ---- */

static bool is_free(struct record_name name)
{
	return !name.key && !name.id;
}

static struct record_name *place(const struct store *s, struct record_name name)
{
	size_t i = name.key & (s->size - 1);
	while (!is_free(s->name[i]) && (s->name[i].key != name.key || s->name[i].id != name.id))
		i = (i + 1) & (s->size - 1);
	return &s->name[i];
}

static bool grow(struct store *s)
{
	struct store larger = { .size = s->size ? 2 * s->size : 1024 };
	larger.name = calloc(larger.size, sizeof *larger.name);
	if (!larger.name)
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (!is_free(s->name[i]))
			*place(&larger, s->name[i]) = s->name[i];
	free(s->name);
	s->name = larger.name;
	s->size = larger.size;
	return true;
}

static bool add(void *opaque, struct record_name name)
{
	struct store *s = opaque;
	if (is_free(name) || (2 * s->used >= s->size && !grow(s)))
		return true;
	struct record_name *at = place(s, name);
	s->used += is_free(*at);
	*at = name;
	return true;
}

unsigned store_find(struct store *s, uint64_t key, uint64_t *id, unsigned n)
{
	unsigned found = 0;
	pthread_mutex_lock(&s->lock);
	for (size_t i = key & (s->size - 1); found < n && !is_free(s->name[i]); i = (i + 1) & (s->size - 1))
		if (s->name[i].key == key)
			id[found++] = s->name[i].id;
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* ---- life ---- */

struct store *store_open(const char *path, const char *version, uint64_t limit, struct error *err)
{
	bool missing;
	struct store *s = calloc(1, sizeof *s);
	if (!s) {
		error_set(err, ERROR_HOST, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->writing, NULL);
	s->limit = limit;
	s->version = record_hash(0, version, strlen(version));
	s->version_dir = -1;
	s->dir = store_dir_open(path, true, &missing, err);
	if (s->dir < 0)
		goto fail;
	s->version_dir = store_dir_version(s->dir, s->version, true);
	if (s->version_dir < 0) {
		error_set(err, ERROR_HOST, "%.200s: %s", path, errno == EPERM ? "what lies in it is open to other users: \"calque cache clear\" removes it" :
			  strerror(errno));
		goto fail;
	}
	if (!grow(s)) {
		error_set(err, ERROR_HOST, "out of memory");
		goto fail;
	}
	store_dir_list(s->version_dir, add, s);
	s->stats.known = s->used;
	return s;
fail:
	store_close(s);
	return NULL;
}

static void prune(struct store *s)
{
	struct store_usage u;
	store_dir_prune(s->dir, s->limit, &u);
	s->unpruned = 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->unpruned)
		prune(s);
	if (s->version_dir >= 0)
		close(s->version_dir);
	if (s->dir >= 0)
		close(s->dir);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->writing);
	free(s->name);
	free(s);
}

/* ---- records ---- */

void *store_read(struct store *s, struct record_name name, size_t *size)
{
	bool damaged;
	void *bytes = store_dir_read(s->version_dir, name, size, &damaged);
	pthread_mutex_lock(&s->lock);
	s->stats.damaged += damaged;
	s->stats.read += bytes != NULL;
	s->stats.read_bytes += bytes ? *size : 0;
	pthread_mutex_unlock(&s->lock);
	return bytes;
}

/* Another process may have removed the version's directory while there was nothing in it. */
static bool write_record(struct store *s, struct record_name name, const void *bytes, size_t size, size_t *written)
{
	if (store_dir_write(s->version_dir, name, bytes, size, written))
		return true;
	int again = errno == ENOENT ? store_dir_version(s->dir, s->version, true) : -1;
	if (again < 0)
		return false;
	bool good = dup3(again, s->version_dir, O_CLOEXEC) >= 0;	/* for readers too, at once */
	close(again);
	return good && store_dir_write(s->version_dir, name, bytes, size, written);
}

void store_write(struct store *s, struct record_name name, const void *bytes, size_t size)
{
	size_t written = 0;
	pthread_mutex_lock(&s->writing);
	bool good = !s->full && write_record(s, name, bytes, size, &written);
	s->full = !good;
	pthread_mutex_lock(&s->lock);
	if (good)
		add(s, name);
	s->stats.written += good;
	s->stats.written_bytes += written;
	s->stats.unwritten += !good;
	pthread_mutex_unlock(&s->lock);
	s->unpruned += good ? written : 0;
	if (s->unpruned > s->limit / 16)
		prune(s);
	pthread_mutex_unlock(&s->writing);
}

void store_get_stats(struct store *s, struct store_stats *stats)
{
	pthread_mutex_lock(&s->lock);
	*stats = s->stats;
	pthread_mutex_unlock(&s->lock);
}
