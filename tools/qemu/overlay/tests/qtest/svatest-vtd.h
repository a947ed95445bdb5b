/*
 * Bare-metal driver of the VT-d unit for the svatest qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * No guest runs: a case builds root, context, PASID and paging structures in
 * guest memory by hand, drives the unit's registers and lets svatest make the
 * requests. Numbers and layouts here are those of the VT-d specification; the
 * emulation's own headers are left out on purpose, so that a mistake in them
 * cannot hide itself.
 */

#ifndef TESTS_QTEST_SVATEST_VTD_H
#define TESTS_QTEST_SVATEST_VTD_H

#include "libqtest.h"

#define VTD_BASE        0xfed90000ull

/* Registers */
#define VTD_CAP         0x008
#define VTD_ECAP        0x010
#define VTD_GCMD        0x018
#define VTD_GSTS        0x01c
#define VTD_RTADDR      0x020
#define VTD_CCMD        0x028
#define VTD_FSTS        0x034
#define VTD_FECTL       0x038
#define VTD_FEDATA      0x03c
#define VTD_FEADDR      0x040
#define VTD_IQH         0x080
#define VTD_IQT         0x088
#define VTD_IQA         0x090
#define VTD_ICS         0x09c
#define VTD_IECTL       0x0a0
#define VTD_IEDATA      0x0a4
#define VTD_IEADDR      0x0a8
#define VTD_IQER        0x0b0
#define VTD_IRTA        0x0b8
#define VTD_PQH         0x0c0
#define VTD_PQT         0x0c8
#define VTD_PQA         0x0d0
#define VTD_PRS         0x0dc
#define VTD_PECTL       0x0e0
#define VTD_PEDATA      0x0e4
#define VTD_PEADDR      0x0e8
#define VTD_IOTLB       0x0f8   /* at ECAP.IRO */
#define VTD_FRCD        0x220

#define GSTS_TE         (1u << 31)
#define GSTS_RTPS       (1u << 30)
#define GSTS_QIES       (1u << 26)
#define GSTS_IRES       (1u << 25)
#define GSTS_IRTPS      (1u << 24)

#define FSTS_PFO        (1u << 0)
#define FSTS_PPF        (1u << 1)
#define FSTS_IQE        (1u << 4)
#define FSTS_ICE        (1u << 5)
#define FSTS_ITE        (1u << 6)

#define PRS_PPR         (1u << 0)
#define PRS_PRO         (1u << 1)

#define TTM_LEGACY      (0ull << 10)
#define TTM_SCALABLE    (1ull << 10)
#define TTM_RESERVED    (2ull << 10)
#define TTM_ABORT       (3ull << 10)

#define EVENT_IM        (1u << 31)
#define EVENT_IP        (1u << 30)

/* Context entry */
#define CTX_P           (1ull << 0)
#define CTX_FPD         (1ull << 1)
#define CTX_DTE         (1ull << 2)
#define CTX_PASIDE      (1ull << 3)
#define CTX_PRE         (1ull << 4)
#define CTX_PDTS(n)     ((uint64_t)(n) << 9)
#define CTX_ALL         (CTX_P | CTX_DTE | CTX_PASIDE | CTX_PRE)

/* PASID entry, quadwords 0 to 2 */
#define PE_P            (1ull << 0)
#define PE_FPD          (1ull << 1)
#define PE_AW(n)        ((uint64_t)(n) << 2)
#define PE_FIRST        (1ull << 6)
#define PE_SECOND       (2ull << 6)
#define PE_NESTED       (3ull << 6)
#define PE_PT           (4ull << 6)
#define PE_SSADE        (1ull << 9)
#define PE_PWSNP        (1ull << 23)
#define PE_SRE          (1ull << 0)
#define PE_FSPM5        (1ull << 2)
#define PE_WPE          (1ull << 4)

/* First-stage entry */
#define FS_P            (1ull << 0)
#define FS_RW           (1ull << 1)
#define FS_US           (1ull << 2)
#define FS_A            (1ull << 5)
#define FS_D            (1ull << 6)
#define FS_PS           (1ull << 7)
#define FS_G            (1ull << 8)
#define FS_XD           (1ull << 63)    /* the unit ignores it */
#define FS_ALL          (FS_P | FS_RW | FS_US)

/* Second-stage entry */
#define SS_R            (1ull << 0)
#define SS_W            (1ull << 1)
#define SS_PS           (1ull << 7)
#define SS_A            (1ull << 8)
#define SS_D            (1ull << 9)
#define SS_ALL          (SS_R | SS_W)

#define ADDR_MASK       0x000ffffffffff000ull

/* What a fault record says of an address: 48 bits, the largest AGAW */
#define FI(addr)        ((addr) & 0x0000fffffffff000ull)

#define KiB4            0x1000ull
#define MiB2            0x200000ull
#define GiB1            0x40000000ull

#define NO_PASID        UINT32_MAX

#define SVA_ROM         0xffff0000ull   /* read-only memory of 64 KiB */
#define SVA_CPU         0x500ull        /* what the processor looks at */

/** Sva: the machine of one case; owned by the case, quit by sva_quit() */
typedef struct Sva {
    QTestState *qts;
    uint64_t brk;       /* next free page of guest memory */
    uint64_t mmio;      /* next free address for BARs */
    uint64_t root;      /* root table */
    uint64_t iq;        /* invalidation queue, one page */
    uint64_t pq;        /* page request queue */
    uint64_t status;    /* where wait descriptors write */
    unsigned iq_shift;  /* log2 of the size of a descriptor: 5, or 4 */
    uint32_t waits;     /* data of the last wait descriptor */
    uint8_t bus_no;     /* last PCI bus number given out */
} Sva;

char *sva_firmware(void);
char *sva_refused(const char *args);
Sva *sva_start(const char *args);
void sva_config_space(Sva *s);
void sva_quit(Sva *s);
uint64_t sva_page(Sva *s);
uint64_t sva_pages(Sva *s, uint64_t size, uint64_t align);
uint64_t sva_read64(Sva *s, uint64_t addr);
void sva_write64(Sva *s, uint64_t addr, uint64_t value);
void sva_set_bits(Sva *s, uint64_t addr, uint64_t bits);
void sva_clear_bits(Sva *s, uint64_t addr, uint64_t bits);
bool sva_vector(Sva *s, unsigned vector);
void sva_cpu_out(Sva *s, const uint32_t out[4]);
bool sva_cpu_done(Sva *s);

/* Registers */
uint32_t vtd_readl(Sva *s, unsigned reg);
uint64_t vtd_readq(Sva *s, unsigned reg);
void vtd_writel(Sva *s, unsigned reg, uint32_t value);
void vtd_writeq(Sva *s, unsigned reg, uint64_t value);
void vtd_gcmd(Sva *s, uint32_t bit, bool on);
void vtd_set_root(Sva *s, uint64_t ttm);
void vtd_enable(Sva *s);

/* Root, context and PASID structures; the address of an entry in memory */
void vtd_context(Sva *s, uint16_t sid, uint64_t flags);
uint64_t vtd_root_at(Sva *s, uint16_t sid);
uint64_t vtd_context_at(Sva *s, uint16_t sid);
uint64_t vtd_dir_at(Sva *s, uint16_t sid, uint32_t pasid);
uint64_t vtd_entry_at(Sva *s, uint16_t sid, uint32_t pasid);

/**
 * SvaTable: one first-stage or second-stage table
 *
 * A first-stage table with @under set is nested: what its entries and
 * @root hold are guest physical addresses, which @under maps.
 */
typedef struct SvaTable {
    Sva *s;
    uint64_t root;      /* host physical */
    int levels;
    bool second;
    struct SvaTable *under;
} SvaTable;

/* What a nested table adds to a host address to make a guest address of it */
#define GPA(hpa)        ((hpa) + GiB1)

void vtd_table(SvaTable *t, Sva *s, bool second, int levels, SvaTable *under);
uint64_t vtd_map(SvaTable *t, uint64_t in, uint64_t out, uint64_t flags,
                 int level);
uint64_t vtd_slot(SvaTable *t, uint64_t in, int level);

typedef struct SvaEntry {
    uint64_t q[8];
} SvaEntry;

SvaEntry vtd_entry_first(const SvaTable *t, uint16_t did);
SvaEntry vtd_entry_second(const SvaTable *t, uint16_t did);
SvaEntry vtd_entry_nested(const SvaTable *t, uint16_t did);
SvaEntry vtd_entry_pt(uint16_t did);
void vtd_bind(Sva *s, uint16_t sid, uint32_t pasid, const SvaEntry *e);
void vtd_unbind(Sva *s, uint16_t sid, uint32_t pasid);

/* Invalidation queue */
void vtd_iq_init(Sva *s, bool wide);
void vtd_iq4(Sva *s, uint64_t q0, uint64_t q1, uint64_t q2, uint64_t q3);
void vtd_iq(Sva *s, uint64_t q0, uint64_t q1);
bool vtd_wait(Sva *s);
bool vtd_wait_flags(Sva *s, uint64_t flags);
bool vtd_wait_done(Sva *s);
#define WAIT_IF         (1ull << 4)
#define WAIT_SW         (1ull << 5)
#define WAIT_FN         (1ull << 6)
#define WAIT_PD         (1ull << 7)

enum { CTX_GLOBAL = 1, CTX_DOMAIN, CTX_DEVICE };
enum { IOTLB_GLOBAL = 1, IOTLB_DOMAIN, IOTLB_PAGE };
enum { PIOTLB_ALL = 2, PIOTLB_PAGE };
enum { PC_DOMAIN = 0, PC_PASID = 1, PC_GLOBAL = 3 };
#define IH              (1ull << 6)
/* S-coded "everything", as the kernel sends it */
#define DEV_ALL         (0x7ffffffffffff000ull)

uint64_t vtd_ctx_q0(int gran, uint16_t did, uint16_t sid, unsigned fm);
uint64_t vtd_pc_q0(int gran, uint16_t did, uint32_t pasid);
uint64_t vtd_iotlb_q0(int gran, uint16_t did);
uint64_t vtd_piotlb_q0(int gran, uint16_t did, uint32_t pasid);
uint64_t vtd_dev_q0(uint16_t sid, uint16_t pfsid);
uint64_t vtd_pdev_q0(uint16_t sid, uint16_t pfsid, uint32_t pasid);
uint64_t vtd_resp_q0(uint16_t sid, uint32_t pasid, unsigned code);
uint64_t vtd_resp_q1(unsigned prgi);

void vtd_flush_all(Sva *s);

/* Fault records */
typedef struct SvaFault {
    uint8_t reason;
    uint16_t sid;
    uint32_t pasid;     /* NO_PASID: PP must be clear */
    uint64_t addr;
    bool t1, t2;
    bool exe, priv;
    uint8_t at;
} SvaFault;

bool vtd_fault_next(Sva *s, SvaFault *f);
void vtd_fault_clear(Sva *s);
void vtd_expect_fault(Sva *s, const SvaFault *want);
void vtd_expect_no_fault(Sva *s);

/* Page request queue */
void vtd_pq_init(Sva *s, unsigned pqs);
bool vtd_pq_next(Sva *s, uint64_t d[4]);
unsigned vtd_pq_count(Sva *s);

/* PCI configuration space */
uint32_t sva_cfg_readl(Sva *s, uint16_t bdf, unsigned off);
uint16_t sva_cfg_readw(Sva *s, uint16_t bdf, unsigned off);
void sva_cfg_writel(Sva *s, uint16_t bdf, unsigned off, uint32_t value);
void sva_cfg_writew(Sva *s, uint16_t bdf, unsigned off, uint16_t value);
unsigned sva_cap(Sva *s, uint16_t bdf, uint8_t id);
unsigned sva_ext_cap(Sva *s, uint16_t bdf, uint16_t id);
void sva_assign_bars(Sva *s, uint16_t bdf, unsigned first, uint64_t bar[6]);

#define BDF(bus, dev, fn)   ((uint16_t)((bus) << 8 | (dev) << 3 | (fn)))

#endif
