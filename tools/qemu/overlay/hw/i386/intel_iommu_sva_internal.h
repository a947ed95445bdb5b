/*
 * Intel VT-d with nested translation, PASIDs and page requests: internals
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Field positions follow chapters 9 (translation structures), 6.5
 * (invalidation descriptors), 7 (faults and page requests) and 11 (registers)
 * of the VT-d specification, revision 5.10; so do the section and table numbers
 * in all files of the engine.
 *
 * Locking: IntelIOMMUState.iommu_lock protects the caches and the fault
 * records, since requests without PASID may come from an I/O thread. All the
 * rest is touched under the BQL only. No endpoint is called with iommu_lock
 * held.
 */

#ifndef HW_I386_INTEL_IOMMU_SVA_INTERNAL_H
#define HW_I386_INTEL_IOMMU_SVA_INTERNAL_H

#include "qemu/bitops.h"
#include "qemu/queue.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/pci/pci_sva.h"
#include "system/host_iommu_nesting.h"

#define SVA_REGION_SIZE     0x1000
#define SVA_NR_FRCD         8
#define SVA_HAW             48          /* host address width */
#define SVA_ADDR_MASK       MAKE_64BIT_MASK(12, SVA_HAW - 12)
#define SVA_ENTRY_ADDR      MAKE_64BIT_MASK(12, 40)
#define SVA_PASID_BITS      20
#define SVA_WALK_RETRIES    64
#define SVA_FLUSH_SMALL     16          /* pages, looked for one by one */
#define SVA_PENDING_MAX     256         /* invalidations under way */
#define SVA_FABRIC_MAX      65536       /* page requests under way */

#define SVA_PT_SHIFT        6           /* PASIDs of a directory entry */

/* Devices of the host */
#define SVA_HOST_SLICE_NS   (5 * SCALE_MS)  /* of work under the BQL */
#define SVA_HOST_CALLS      256         /* calls of the host under way */
#define SVA_HOST_COVERED    16          /* invalidations that are remembered */
#define SVA_HOST_FAULTS     64          /* of one turn of the main loop */
#define SVA_HOST_REPORT_MS  5000        /* between two messages */
#define SVA_GROUP_MAX_LIVE  512
#define SVA_GROUP_MAX_DEAD  512
#define SVA_GROUP_DEAD_MS   60000
#define SVA_DID_ANY         UINT32_MAX

#define SVA_REG_IQER        0xb0

/* Capabilities beyond those that the rest of the unit knows */
#define VTD_SVA_CAP_ZLR     BIT_ULL(22)
#define VTD_SVA_CAP_FS5LP   BIT_ULL(60)
#define VTD_SVA_CAP_ESRTPS  BIT_ULL(63)
#define VTD_SVA_ECAP_C      BIT_ULL(0)
#define VTD_SVA_ECAP_NEST   BIT_ULL(26)
#define VTD_SVA_ECAP_PRS    BIT_ULL(29)
#define VTD_SVA_ECAP_NWFS   BIT_ULL(33)
#define VTD_SVA_ECAP_PSS    (19ULL << 35)
#define VTD_SVA_ECAP_DIT    BIT_ULL(41)
#define VTD_SVA_ECAP_PDS    BIT_ULL(42)
#define VTD_SVA_ECAP_SSADS  BIT_ULL(45)
#define VTD_SVA_ECAP_SMPWCS BIT_ULL(48)
#define VTD_SVA_ECAP_RPS    BIT_ULL(49)
#define VTD_SVA_ECAP_ADMS   BIT_ULL(52)
#define VTD_SVA_ECAP_SMS    BIT_ULL(58)

/* Translation table mode, RTADDR_REG bits 11:10 */
enum { SVA_TTM_LEGACY, SVA_TTM_SCALABLE, SVA_TTM_RESERVED, SVA_TTM_ABORT };

/* FSTS_REG beyond the bits that the rest of the unit knows */
#define SVA_FSTS_ICE        BIT(5)
#define SVA_FSTS_ITE        BIT(6)
#define SVA_FSTS_ERRORS     (VTD_FSTS_PFO | VTD_FSTS_PPF | VTD_FSTS_IQE | \
                             SVA_FSTS_ICE | SVA_FSTS_ITE)

/* PRS_REG, PECTL_REG */
#define SVA_PRS_PPR         BIT(0)
#define SVA_PRS_PRO         BIT(1)
#define SVA_PECTL_IM        BIT(31)
#define SVA_PECTL_IP        BIT(30)
#define SVA_PQ_OFFSET       0x7ffe0ULL

/* Scalable-mode context entry */
#define SVA_CE_P            BIT_ULL(0)
#define SVA_CE_FPD          BIT_ULL(1)
#define SVA_CE_DTE          BIT_ULL(2)
#define SVA_CE_PASIDE       BIT_ULL(3)
#define SVA_CE_PRE          BIT_ULL(4)
#define SVA_CE_PDTS_MASK    MAKE_64BIT_MASK(9, 3)
#define SVA_CE_PDTS(v)      extract64(v, 9, 3)
#define SVA_CE_RID_PASID    MAKE_64BIT_MASK(0, SVA_PASID_BITS)

/* PASID table entry: 0-2 name the quadword */
#define SVA_PE_P            BIT_ULL(0)
#define SVA_PE_FPD          BIT_ULL(1)
#define SVA_PE0_AW(v)       extract64(v, 2, 3)
#define SVA_PE0_PGTT(v)     extract64(v, 6, 3)
#define SVA_PE0_SSADE       BIT_ULL(9)
#define SVA_PE1_DID(v)      extract64(v, 0, 16)
#define SVA_PE1_PWSNP       BIT_ULL(23)
#define SVA_PE2_SRE         BIT_ULL(0)
#define SVA_PE2_FSPM(v)     extract64(v, 2, 2)
#define SVA_PE2_WPE         BIT_ULL(4)

enum { SVA_PGTT_FIRST = 1, SVA_PGTT_SECOND, SVA_PGTT_NESTED, SVA_PGTT_PT };

/* First-stage entry */
#define SVA_FS_P            BIT_ULL(0)
#define SVA_FS_RW           BIT_ULL(1)
#define SVA_FS_US           BIT_ULL(2)
#define SVA_FS_A            BIT_ULL(5)
#define SVA_FS_D            BIT_ULL(6)
#define SVA_PS              BIT_ULL(7)  /* of both stages */

/* Second-stage entry */
#define SVA_SS_R            BIT_ULL(0)
#define SVA_SS_W            BIT_ULL(1)
#define SVA_SS_A            BIT_ULL(8)
#define SVA_SS_D            BIT_ULL(9)

/*
 * VTDSvaFault: the conditions of Table 30 (7.1.3) that a request can meet here,
 * in its order and under its names. What comes of them stands in
 * intel_iommu_sva_condition.c.inc.
 */
typedef enum VTDSvaFault {
    SVA_OK,
    SVA_LRT_ACCESS,
    SVA_LRT_P,
    SVA_LRT_RSVD,
    SVA_LCT_ACCESS,
    SVA_LCT_P,
    SVA_LCT_RSVD,
    SVA_LCT_INVALID,
    SVA_LCT_TOP_ACCESS,
    SVA_LCT_TT,
    SVA_LSS_ACCESS,
    SVA_LSS_RSVD,
    SVA_LGN_ADDRESS,
    SVA_LGN_WRITE,
    SVA_LGN_READ,
    SVA_LGN_INTERRUPT,
    SVA_RTA_TTM,
    SVA_RTA_PASID,
    SVA_RTA_PAGE_REQUEST,
    SVA_RTA_ABORT,
    SVA_RTA_EXECUTE,
    SVA_SRT_ACCESS,
    SVA_SRT_P,
    SVA_SRT_RSVD,
    SVA_SCT_ACCESS,
    SVA_SCT_P,
    SVA_SCT_RSVD,
    SVA_SCT_INVALID,
    SVA_SCT_DTE,
    SVA_SCT_PASIDE,
    SVA_SCT_PASID_LIMIT,
    SVA_SCT_PRE,
    SVA_SCT_RID_PASID,
    SVA_SCT_EPTR,
    SVA_SPD_ACCESS,
    SVA_SPD_P,
    SVA_SPD_RSVD,
    SVA_SPT_ACCESS,
    SVA_SPT_P,
    SVA_SPT_RSVD,
    SVA_SPT_INVALID,
    SVA_SPT_EXECUTE,
    SVA_SPT_SRE,
    SVA_SFS_ACCESS,
    SVA_SFS_P,
    SVA_SFS_RSVD,
    SVA_SFS_TOP_ACCESS,
    SVA_SFS_LIMIT,
    SVA_SFS_TOP_READ,
    SVA_SFS_READ,
    SVA_SFS_WRITE,
    SVA_SFS_SNOOP,
    SVA_SFS_UPDATE,
    SVA_SSS_ACCESS,
    SVA_SSS_RIGHT,
    SVA_SSS_RSVD,
    SVA_SSS_TOP_ACCESS,
    SVA_SSS_SNOOP,
    SVA_SSS_UPDATE,
    SVA_SGN_CANONICAL,
    SVA_SGN_USER,
    SVA_SGN_HOST_WIDTH,
    SVA_SGN_WIDTH,
    SVA_SGN_WRITE,
    SVA_SGN_READ,
    SVA_SGN_INTERRUPT,
} VTDSvaFault;

/**
 * VTDSvaRequest: one request for one page
 *
 * @sid: requester id
 * @pasid: or PCI_NO_PASID
 * @dword: of four bytes and aligned to them, as messages of interrupts are
 * @page_request: a page request message, not a memory request
 * @quiet: look at memory only, change nothing: no cache, no A/D, no record
 * @fpd: set by the engine when a table says that faults are not to be recorded
 */
typedef struct VTDSvaRequest {
    uint16_t sid;
    uint32_t pasid;
    uint64_t addr;
    PCISVAType type;
    bool read;
    bool write;
    bool exec;
    bool priv;
    bool no_write;
    bool atomic;
    bool dword;
    bool page_request;
    bool quiet;
    bool fpd;
} VTDSvaRequest;

/* VTDSvaContext: a present, checked context entry, in legacy mode all of it */
typedef struct VTDSvaContext {
    uint64_t val[2];
} VTDSvaContext;

/**
 * VTDSvaPasid: a present, checked PASID table entry
 *
 * @sid, @pasid: who it belongs to; @pasid is the effective one, so requests
 *               without PASID find it by the RID_PASID
 * @val: first three quadwords
 * @legacy: made of a context entry of legacy mode, @pasid is PCI_NO_PASID
 */
typedef struct VTDSvaPasid {
    uint16_t sid;
    uint32_t pasid;
    uint64_t val[3];
    bool fpd;
    bool legacy;
} VTDSvaPasid;

/**
 * VTDSvaPage: what a walk found
 *
 * @phys: physical address of the page
 * @shift: its size is 1 << @shift
 * @read, @write: rights of all stages
 * @priv_write: write right of privileged requests
 * @user: unprivileged requests have the rights, too
 * @dirty: no dirty bit has to be set by a further write
 */
typedef struct VTDSvaPage {
    hwaddr phys;
    uint8_t shift;
    bool read;
    bool write;
    bool priv_write;
    bool user;
    bool dirty;
} VTDSvaPage;

/**
 * VTDSvaKey: what a cache is looked up by (Table 17). Has no padding: keys are
 * compared as memory.
 *
 * @pfn: of the input address, in units of 1 << @shift
 * @pasid: IOTLB: of the request, PCI_NO_PASID if it has none. Paging
 *         structures: the effective one, PCI_NO_PASID for the second stage
 * @id: IOTLB: source id. Paging structures: domain id
 */
typedef struct VTDSvaKey {
    uint64_t pfn;
    uint32_t pasid;
    uint16_t id;
    uint16_t shift;
} VTDSvaKey;

/**
 * VTDSvaTlbEntry: a translation in the IOTLB. A hit asks for no other table, so
 * it has all that decides about a further request.
 *
 * @did, @pasid, @first: tags for invalidation; @pasid is the effective one,
 *                       @first says that the first stage or both were used
 * @dte, @sre, @fpd: what the context and PASID entries said
 */
typedef struct VTDSvaTlbEntry {
    VTDSvaKey key;
    VTDSvaPage page;
    uint32_t pasid;
    uint16_t did;
    bool first;
    bool dte;
    bool sre;
    bool fpd;
} VTDSvaTlbEntry;

/**
 * VTDSvaTable: a table of pages known to the paging-structure caches
 *
 * @key: with the size of the region that the table maps
 * @table: physical address of the table
 * @gpa: where the entry above says it is, the same unless nested
 * @level: 1 for a leaf table
 * @writable: second-stage write right on the table itself
 * @read, @write, @user: accumulated rights of the entries above
 */
typedef struct VTDSvaTable {
    VTDSvaKey key;
    hwaddr table;
    hwaddr gpa;
    int level;
    bool writable;
    bool read;
    bool write;
    bool user;
} VTDSvaTable;

typedef struct VTDSvaHost VTDSvaHost;

/**
 * VTDSvaEndpoint: an endpoint that attached itself, or a device of the host.
 * Protected by the BQL.
 *
 * @ops, @opaque: how to call it; NULL for a device of the host
 * @host: device of the host, or NULL
 */
typedef struct VTDSvaEndpoint {
    PCIDevice *dev;
    const PCISVAEndpointOps *ops;
    void *opaque;
    VTDSvaHost *host;
    QLIST_ENTRY(VTDSvaEndpoint) next;
} VTDSvaEndpoint;

/**
 * VTDSvaStage: second stage of a device of the host
 *
 * @bus, @devfn: where the device is plugged in
 * @alias: memory of the machine; disabled while requests without PASID are
 *         blocked and the host has no other way to do that
 */
typedef struct VTDSvaStage {
    PCIBus *bus;
    int devfn;
    AddressSpace as;
    MemoryRegion root;
    MemoryRegion alias;
    QLIST_ENTRY(VTDSvaStage) next;
} VTDSvaStage;

/**
 * VTDSvaBinding: a first-stage table that the host was told to use
 *
 * @val: first three quadwords of the guest's entry as it was read then
 * @call: number of the call that told the host
 * @flush: caches are to be invalidated
 */
typedef struct VTDSvaBinding {
    uint32_t pasid;
    uint64_t val[3];
    uint64_t call;
    bool flush;
} VTDSvaBinding;

/**
 * VTDSvaGroup: a page request group that waits for its answer
 *
 * @pasid, @prgi, @needs_pasid, @cookie: as the host reported it
 * @dead: the host has ended it, the guest does not know
 * @expires: when a dead group is forgotten, in ms of the virtual clock
 */
typedef struct VTDSvaGroup {
    uint32_t pasid;
    uint16_t prgi;
    bool needs_pasid;
    bool dead;
    uint64_t cookie;
    int64_t expires;
    QTAILQ_ENTRY(VTDSvaGroup) next;
} VTDSvaGroup;

/**
 * VTDSvaMarks: what a guest's invalidations have named
 *
 * @any: one of the others is set
 * @bound: PASIDs that are bound, of any domain
 * @unbound: PASIDs that are not bound, of the domains in @dids
 * @all: all PASIDs
 * @dids: PASIDs of these domains
 */
typedef struct VTDSvaMarks {
    bool any;
    bool bound;
    bool unbound;
    bool all;
    DECLARE_BITMAP(dids, 65536);
} VTDSvaMarks;

/* VTDSvaHost: a device of the host. Protected by the BQL. */
struct VTDSvaHost {
    IntelIOMMUState *s;
    VTDSvaEndpoint *ep;
    HostIOMMUDeviceNesting *hiodn;
    VTDSvaStage *stage;
    QLIST_ENTRY(VTDSvaHost) next;

    GHashTable *bindings;       /* PASID -> VTDSvaBinding */
    bool can_set_rid;           /* the host follows for no PASID */
    HostIOMMUNestingRidMode rid_mode;
    VTDSvaBinding rid;          /* valid with a first stage */
    bool full;                  /* the host has no room for more PASIDs */
    bool unbound;               /* its records may name unbound PASIDs */

    /* Marks: new ones, and those that are being worked off */
    VTDSvaMarks dirty;
    VTDSvaMarks scan;
    bool flush;                 /* a binding has its mark set */
    gpointer *todo;             /* PASIDs bound when the scan began */
    unsigned num_todo;
    unsigned next_todo;
    unsigned next_dir;          /* directory entry */
    uint64_t dir;               /* directory that was scanned last */

    /* Calls: numbers of flushes, and which of them a wait needs */
    uint32_t flushes_sent;
    uint32_t flushes_done;
    uint32_t wait_for;

    /* What was invalidated since software wrote the tail of the queue */
    uint64_t covered_epoch;
    unsigned num_covered;
    HostIOMMUNestingRange covered[SVA_HOST_COVERED];

    QTAILQ_HEAD(, VTDSvaGroup) groups;
    unsigned num_live;
    unsigned num_dead;
    unsigned max_live;

    unsigned fault_budget;
    QEMUBH *fault_bh;
    int64_t next_report;        /* ms of the host's clock */
};

/* VTDSvaInv: an invalidation that an endpoint has not completed yet */
typedef struct VTDSvaInv {
    VTDSvaEndpoint *ep;
    uint16_t sid;
    uint32_t cookie;
    int64_t deadline;
    QTAILQ_ENTRY(VTDSvaInv) next;
} VTDSvaInv;

/* VTDSvaStall: why the invalidation queue does not go on */
typedef enum VTDSvaStall {
    SVA_STALL_NONE,
    SVA_STALL_WAIT,         /* the wait descriptor at the head waits */
    SVA_STALL_DEPTH,        /* endpoints accept no more invalidations */
    SVA_STALL_HOST,         /* calls of the host are under way */
} VTDSvaStall;

/* VTDSvaMessage: a page request or an automatic response on its way */
typedef struct VTDSvaMessage {
    VTDSvaEndpoint *ep;
    PCISVAPageRequest req;
    uint8_t code;
    int64_t due;
    QSIMPLEQ_ENTRY(VTDSvaMessage) next;
} VTDSvaMessage;

typedef QSIMPLEQ_HEAD(, VTDSvaMessage) VTDSvaMessages;

/* VTDSvaState: everything the engine has beyond the registers of the unit */
struct VTDSvaState {
    /* Latched by SRTP */
    uint64_t rtaddr;
    uint8_t ttm;

    /* Protected by iommu_lock */
    GHashTable *contexts;       /* requester id -> VTDSvaContext */
    GHashTable *pasids;         /* requester id and PASID -> VTDSvaPasid */
    GHashTable *iotlb;          /* VTDSvaKey -> VTDSvaTlbEntry */
    GHashTable *requesters;     /* source ids that may be in the IOTLB */
    GHashTable *tables;         /* VTDSvaKey -> VTDSvaTable */
    uint64_t frcd[SVA_NR_FRCD][2];
    unsigned next_frcd;
    PCISVAStats stats;

    /* Protected by the BQL */
    QLIST_HEAD(, VTDSvaEndpoint) endpoints;
    QTAILQ_HEAD(, VTDSvaInv) pending;
    uint32_t next_cookie;
    bool fetching;              /* vtd_sva_fetch() is on the stack */
    unsigned num_pending;
    VTDSvaStall stall;
    QEMUTimer *inv_timer;
    VTDSvaMessages fabric;      /* page requests on their way to the unit */
    unsigned num_fabric;
    QEMUTimer *fabric_timer;
    VTDSvaMessages responses;   /* automatic responses on their way back */
    QEMUBH *response_bh;
    QLIST_HEAD(, VTDSvaHost) hosts;
    QLIST_HEAD(, VTDSvaStage) stages;
    QEMUBH *host_bh;            /* goes on with the queue */
    bool waiting;               /* for the host, with the wait at the head */
    uint64_t iqt_epoch;         /* writes of the tail of the queue */
    int64_t slice_end;          /* of the work for hosts, of the host's clock */
    Error *migration_blocker;
};

/* What the rest of the unit calls; without an engine these do nothing. */
static void vtd_sva_set_root(IntelIOMMUState *s);
static void vtd_sva_reset_caches(IntelIOMMUState *s);
static bool vtd_sva_rid_translate(VTDAddressSpace *vtd_as, hwaddr addr,
                                  bool is_write, IOMMUTLBEntry *entry);
static void vtd_sva_record_frcd(IntelIOMMUState *s, uint64_t hi, uint64_t lo);
static void vtd_sva_fetch(IntelIOMMUState *s);
static void vtd_sva_refresh_hosts(IntelIOMMUState *s);
static bool vtd_sva_check_host(IntelIOMMUState *s, HostIOMMUDevice *hiod,
                               Error **errp);
static void vtd_sva_attach_host(IntelIOMMUState *s, PCIBus *bus, int devfn,
                                HostIOMMUDevice *hiod);
static void vtd_sva_detach_host(IntelIOMMUState *s, PCIBus *bus, int devfn);
static bool vtd_sva_mem_read(IntelIOMMUState *s, hwaddr addr, unsigned size,
                             uint64_t *val);
static bool vtd_sva_mem_write(IntelIOMMUState *s, hwaddr addr, uint64_t val,
                              unsigned size);

#endif
