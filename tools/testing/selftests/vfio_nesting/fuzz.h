/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzzer with an oracle: sequences of steps, a model that says what each of them
 * must lead to, and a machine that takes them
 *
 * A sequence is a list of steps whose arguments are small numbers, taken modulo
 * what there is. So any part of a sequence is a sequence, and one that fails can
 * be made shorter without understanding it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <linux/iommu.h>
#include <linux/vfio.h>

#include "pasid_table.h"
#include "pgtable.h"
#include "svatest.h"
#include "vmm.h"

#define FUZZ_CONTAINERS	2
#define FUZZ_DEVICES	3
#define FUZZ_TABLES	4
#define FUZZ_PASIDS	16
#define FUZZ_ARGS	5
#define FUZZ_STEPS_MAX	1024
/* Requests in the file of the faults, and other records */
#define FUZZ_RING	1024
#define FUZZ_RING_EVENTS 256
#define FUZZ_PENDING	512
#define FUZZ_PARTIAL	64
#define FUZZ_ROOM	64

/* What a device writes to, by owner: an address tells whose request it was */
#define FUZZ_GVA(container)	(0x7e0000000000ULL - ((uint64_t)(container) << 40))
#define FUZZ_GVA_ASK(container)	(FUZZ_GVA(container) + (1ULL << 39))

enum fuzz_op {
	FUZZ_OPEN, FUZZ_CLOSE, FUZZ_LEAVE, FUZZ_JOIN,
	FUZZ_ALLOC, FUZZ_FREE, FUZZ_BIND, FUZZ_UNBIND, FUZZ_INVALIDATE,
	FUZZ_EDIT, FUZZ_DMA, FUZZ_ASK,
	FUZZ_FAULTS_OPEN, FUZZ_FAULTS_CLOSE, FUZZ_READ, FUZZ_ANSWER,
	FUZZ_ANSWER_OP, FUZZ_INFO, FUZZ_DRAIN, FUZZ_TIMEOUT, FUZZ_EXPIRE,
	FUZZ_RESET, FUZZ_HOLD, FUZZ_LET_GO, FUZZ_REMAP, FUZZ_UNMAP, FUZZ_POWER,
	FUZZ_KNOB, FUZZ_DRIVER, FUZZ_MEMORY, FUZZ_GARBAGE,
	FUZZ_ARRAY, FUZZ_RID, FUZZ_SET_TABLE, FUZZ_UNSET_TABLE, FUZZ_ENTRY,
	FUZZ_OPS
};

/**
 * enum fuzz_mode - who makes the call
 * @FUZZ_MAIN: the main thread
 * @FUZZ_CHILD: a process that was forked with all files
 * @FUZZ_PASSED: another process, which has got the files and nothing else
 * @FUZZ_RACE: a thread, while another one makes the next step
 */
enum fuzz_mode { FUZZ_MAIN, FUZZ_CHILD, FUZZ_PASSED, FUZZ_RACE, FUZZ_MODES };

/**
 * enum fuzz_mutation - what is wrong with a call
 *
 * Of the header of the call, up to FUZZ_DEV_FILE, then of the payload. What is of
 * no meaning to a call does nothing.
 */
enum fuzz_mutation {
	FUZZ_NONE, FUZZ_SHORT, FUZZ_FLAG, FUZZ_NO_OP, FUZZ_LONG, FUZZ_NOWHERE,
	FUZZ_TAIL, FUZZ_DEV_PADDING, FUZZ_DEV_BAD, FUZZ_DEV_FILE,
	FUZZ_ARGSZ, FUZZ_BEYOND, FUZZ_VERSION, FUZZ_FLAGS, FUZZ_PADDING,
	FUZZ_VALUE1, FUZZ_VALUE2, FUZZ_VALUE3, FUZZ_MUTATIONS
};

struct fuzz_step {
	uint8_t op;
	uint8_t mode;
	uint16_t arg[FUZZ_ARGS];
};

struct fuzz_case {
	unsigned int count;
	struct fuzz_step steps[FUZZ_STEPS_MAX];
};

/* fuzz_grammar.c */
void fuzz_generate(struct fuzz_case *c, uint64_t seed, unsigned int count);
void fuzz_print(FILE *to, const struct fuzz_step *step, const char *before);
int fuzz_load(struct fuzz_case *c, const char *path);
uint32_t fuzz_pasid(unsigned int index);
bool fuzz_may_race(const struct fuzz_step *step);
enum fuzz_mutation fuzz_mutation(const struct fuzz_step *step);

/* ------------------------------------------------------------- the model */

/**
 * struct fuzz_pasid - a PASID of a container
 * @allocated: it is the container's
 * @gpasid: the guest's number, if it is bound
 * @table: what it is bound to on each device, 0 or 1 + number of the table
 */
struct fuzz_pasid {
	bool allocated;
	uint32_t gpasid;
	uint8_t table[FUZZ_DEVICES];
};

struct fuzz_container {
	bool set;		/* has groups and a second stage */
	bool unmapped;		/* the second stage is empty */
	struct fuzz_pasid pasids[FUZZ_PASIDS];
	uint8_t entries[FUZZ_PASIDS];	/* of the PASID table in its memory, as above */
	bool mapped[FUZZ_TABLES];	/* the page to write to */
	uint64_t word[FUZZ_TABLES];	/* what is in it */
};

/* A group that waits for an answer */
struct fuzz_group {
	uint32_t serial;
	uint8_t pasid;
	uint32_t gpasid;
	uint32_t grpid;
	uint32_t count;
};

/* A record that is in the file: one request, or the end of a group */
struct fuzz_record {
	uint32_t serial;	/* of the group */
	uint32_t type;
	uint32_t gpasid;
	uint32_t grpid;
	uint32_t perm;		/* or the cause of the end */
	uint64_t addr;
	bool last;
};

/* A request whose group is not complete */
struct fuzz_partial {
	uint8_t pasid;
	uint32_t grpid;
	uint32_t perm;
	uint64_t addr;
};

/* By the names of the columns in debugfs */
enum fuzz_outcome {
	FUZZ_SUCCESS, FUZZ_INVALID, FUZZ_FAILURE, FUZZ_DEADLINE, FUZZ_UNBOUND,
	FUZZ_CLOSED, FUZZ_STOPPED, FUZZ_NO_PASID, FUZZ_OVER_LIMIT, FUZZ_NO_ROOM,
	FUZZ_FORGOTTEN, FUZZ_OUTCOMES
};

struct fuzz_device {
	int container;		/* of its group, -1 for none */
	bool mine, held;	/* the device is open here, by the holder */
	bool wild;		/* does what it wants until it is reset */
	bool failed;		/* was told of a failure: waits for no answer */
	/* From here on: since it was opened */
	bool handler;		/* its faults were opened */
	bool page_req;		/* with page requests */
	bool file, file_mine, file_held;	/* there is a file */
	uint32_t file_flags;
	uint32_t limit;
	uint64_t outcomes[FUZZ_OUTCOMES];
	struct fuzz_group pending[FUZZ_PENDING];
	unsigned int npending;
	unsigned int waiting;	/* requests of these */
	struct fuzz_partial partial[FUZZ_PARTIAL];
	unsigned int npartial;
	struct fuzz_record ring[FUZZ_RING];
	unsigned int nring;
	uint64_t used;		/* PASIDs that it has put on the bus */
	uint8_t rid;		/* enum iommu_rid_mode */
	uint8_t rid_table;	/* 1 + number, of IOMMU_RID_FIRST_STAGE */
	bool has_table;		/* a PASID table in place of bindings */
	uint8_t config;		/* IOMMU_PASID_CONFIG_* of it */
	uint8_t shadow[FUZZ_PASIDS];	/* what was read of it */
	/* From here on: for good */
	bool dead_file;		/* a file of an earlier time is open here */
	uint64_t answered;	/* SUCCESS since it was reset */
	uint32_t next_grpid;
	uint32_t open_grpid;	/* of the last group that was begun */
	uint8_t open_pasid;
};

struct fuzz_model {
	struct fuzz_container containers[FUZZ_CONTAINERS];
	struct fuzz_device devices[FUZZ_DEVICES];
	bool holder;
	uint32_t serial;	/* of the next group */
	uint32_t asked;		/* requests so far */
	uint64_t nonce;		/* of DMA */
};

/**
 * struct fuzz_result - what a step came to
 * @ret: 0, a positive result, or -errno
 * @count: of @records
 * @records: what was read
 * @group: that was answered
 */
struct fuzz_result {
	int ret;
	unsigned int count;
	struct iommu_fault records[FUZZ_ROOM];
};

/* What a step asks of the device and the kernel, from its arguments and the model */
struct fuzz_ask {
	bool valid, last, distinct;
	uint32_t grpid, count, perm;
	uint64_t addr;
};

struct fuzz_answer {
	struct iommu_page_response resp[4];
	struct fuzz_group *group;	/* that is hit, or NULL */
	unsigned int count;
	size_t size;
	int err;		/* the error that is wanted, if not the model's */
};

void fuzz_model_init(struct fuzz_model *m);
/* Take note of a step. NULL, or what is wrong with @result. */
const char *fuzz_model_step(struct fuzz_model *m, const struct fuzz_step *step,
			    const struct fuzz_result *result);
void fuzz_get_ask(const struct fuzz_model *m, const struct fuzz_step *step,
		  struct fuzz_ask *ask);
void fuzz_get_answer(struct fuzz_model *m, const struct fuzz_step *step,
		     struct fuzz_answer *answer);
/* The device of a step; that of the container if the step names none: NULL */
int fuzz_device_of(const struct fuzz_step *step);
unsigned int fuzz_pasid_of(const struct fuzz_model *m,
			   const struct fuzz_step *step);
int fuzz_table_of(const struct fuzz_model *m, int dev, unsigned int pasid);
uint32_t fuzz_gpasid(const struct fuzz_model *m, int dev, unsigned int pasid);
/* IOMMU_PASID_CONFIG_* that a step asks for */
int fuzz_table_config(const struct fuzz_step *step);
/* Is a PASID table set on a device that a step is on? */
bool fuzz_on_table(const struct fuzz_model *m, const struct fuzz_step *step);
/* Can the guest's PASID table be read, and a call be made on the device of a step? */
bool fuzz_can_read(const struct fuzz_model *m, const struct fuzz_step *step);
void fuzz_learn_cookie(uint32_t serial, uint64_t cookie);
uint64_t fuzz_cookie(uint32_t serial);
extern char fuzz_text[256];

/* ----------------------------------------------------------- the machine */

struct fuzz_world {
	struct vmm vmm[FUZZ_CONTAINERS];
	struct pgtable tables[FUZZ_CONTAINERS][FUZZ_TABLES];
	struct pasid_table pasids[FUZZ_CONTAINERS];
	uint64_t page[FUZZ_CONTAINERS][FUZZ_TABLES];
	struct vmm_device devices[FUZZ_DEVICES];
	int faults[FUZZ_DEVICES];
	int dead[FUZZ_DEVICES];
	int holder;
	int holder_pipe;
	unsigned int patience;	/* with EBUSY, in ms */
};

int fuzz_world_open(struct fuzz_world *w, struct fuzz_model *m);
void fuzz_world_close(struct fuzz_world *w, unsigned int how);
/* Take the devices from their bus and find them again. Nobody has them. */
int fuzz_renew_devices(void);
void fuzz_world_step(struct fuzz_world *w, struct fuzz_model *m,
		     const struct fuzz_step *step, struct fuzz_result *result);

/* fuzz_check.c: does the kernel show what the model says, in @patience * 10 ms? */
const char *fuzz_check(struct fuzz_world *w, const struct fuzz_model *m,
		       unsigned int patience);
bool fuzz_same_bindings(struct fuzz_world *w, const struct fuzz_model *m);
const char *fuzz_check_memory(struct fuzz_world *w, const struct fuzz_model *m);

/* What must be the same when all is over */
struct fuzz_books {
	char text[4096];
	long pages;
};

void fuzz_books_take(struct fuzz_books *books);
const char *fuzz_books_compare(const struct fuzz_books *before);

#endif
