// SPDX-License-Identifier: Apache-2.0
#include "backend/llvm/requests.h"

void requests_init(struct requests *q, unsigned room)
{
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	q->room = room;
}

void requests_destroy(struct requests *q)
{
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->changed);
}

/* Where a request for b is to stand: in the place of an older one for it, of none, or of a colder one. NULL: all are hotter. */
static struct request *place_for(struct requests *q, const struct request *request)
{
	struct request *coldest = q->queue;
	for (struct request *at = q->queue; at < q->queue + q->n; at++) {
		if (at->block == request->block)
			return at;
		if (at->heat < coldest->heat)
			coldest = at;
	}
	return q->n < q->room ? &q->queue[q->n++] : coldest->heat < request->heat ? coldest : NULL;
}

void requests_add(struct requests *q, struct request request)
{
	pthread_mutex_lock(&q->lock);
	struct request *at = place_for(q, &request);
	if (at)
		*at = request;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

bool requests_next(struct requests *q, struct request *request)
{
	pthread_mutex_lock(&q->lock);
	while (!q->n && !q->end)
		pthread_cond_wait(&q->changed, &q->lock);
	bool go_on = !q->end;
	if (go_on) {
		unsigned hottest = 0;
		for (unsigned i = 1; i < q->n; i++)
			if (q->queue[i].heat > q->queue[hottest].heat)
				hottest = i;
		*request = q->queue[hottest];
		q->queue[hottest] = q->queue[--q->n];
	}
	pthread_mutex_unlock(&q->lock);
	return go_on;
}

void requests_end(struct requests *q)
{
	pthread_mutex_lock(&q->lock);
	q->end = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}
