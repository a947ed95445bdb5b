/*
 * Driver of svahost, the stand-in for a device of the host, for its qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_SVATEST_HOST_H
#define TESTS_QTEST_SVATEST_HOST_H

#include "svatest-drv.h"

#define HOST_UNIT   SVA_UNIT ",caching-mode=on"
#define HOST_DEV    " -device svahost,id=h0,addr=4"
#define HOST_RID    HOST_DEV ",kind=rid"

/* Registers of svahost */
enum {
    H_COUNT = 0x00, H_HOLD = 0x04, H_STEP = 0x08, H_PENDING = 0x0c,
    H_BIND_ERROR = 0x10, H_RID_ERROR = 0x14, H_QUOTA = 0x18, H_LAZY = 0x1c,
    H_PASID = 0x20, H_ADDR = 0x24, H_FLAGS = 0x2c, H_PRGI = 0x30,
    H_COOKIE = 0x34, H_REASON = 0x38, H_SEND = 0x3c, H_DELIVERED = 0x40,
    H_PROBE = 0x44, H_BOUND = 0x48, H_REPEAT = 0x4c, H_LOG = 0x1000,
};

enum { H_READ = 1, H_WRITE = 2, H_EXEC = 4, H_PRIV = 8, H_LAST = 16,
       H_NEEDS_PASID = 32 };
enum { H_PAGE_REQUEST, H_END, H_RESET, H_FAULT, H_GONE };

/* Calls of the host, as they are in the log */
enum { C_NONE, C_BIND, C_UNBIND, C_INVALIDATE, C_SET_RID, C_RESPOND, C_DRAIN };
enum { RID_PASS, RID_BLOCK, RID_FIRST };
enum { R_SUCCESS, R_INVALID, R_FAILURE };

typedef struct HostCall {
    uint32_t op;
    uint64_t pasid, addr, arg;
    bool bql;           /* made under the BQL, which none may be */
    bool bound;         /* the PASID was bound before */
} HostCall;

/** Host: a machine with svahost at SID0, and a first-stage table */
typedef struct Host {
    Sva *s;
    uint64_t bar;
    uint32_t seen;      /* calls that the case has looked at */
    SvaTable fs;
} Host;

#define HPASID  0x12345u
#define HDID    7
#define HADDR   0x2468ace0b000ull

void host_start(Host *h, const char *unit, const char *dev);
void host_restart(Host *h);
void host_enable(Host *h);
void host_start_bound(Host *h, const char *dev);
void host_quit(Host *h);
uint32_t host_get(Host *h, unsigned reg);
void host_set(Host *h, unsigned reg, uint32_t value);

void host_entry(Host *h, uint32_t pasid, uint16_t did);
void host_clear(Host *h, uint32_t pasid);
void host_queue(Host *h, const uint64_t desc[][2], unsigned n);
void host_poll(Host *h);
void host_wait(Host *h);
void host_wait_flags(Host *h, uint64_t flags);
void host_idle(Host *h);
void host_flush(Host *h, uint64_t q0, uint64_t q1);
void host_pasid_flush(Host *h, uint32_t pasid, uint16_t did);

bool host_next(Host *h, HostCall *c);
void host_expect(Host *h, uint32_t op, uint64_t pasid, uint64_t addr,
                 uint64_t arg);
void host_expect_none(Host *h);
void host_forget(Host *h);

void host_send(Host *h, unsigned type, uint32_t pasid, uint64_t addr,
               uint32_t flags, unsigned prgi, uint32_t cookie);
bool host_mapped(Host *h, uint64_t addr);

#endif
