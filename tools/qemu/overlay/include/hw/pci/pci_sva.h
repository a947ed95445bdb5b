/*
 * Shared virtual addressing between a PCI Express endpoint and its IOMMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An endpoint that uses PASIDs, address translation services (ATS) or page
 * requests (PRI) talks to the IOMMU that stands above it in terms of the
 * messages that cross the link: a request with its address type, a page
 * request, and back an invalidation and a page request group response.
 *
 * What goes up reaches the IOMMU through #PCIIOMMUOps: translation requests by
 * ats_request_translation, page requests by pri_request_page, and what these
 * two cannot say, such as memory requests with a PASID, by the members of
 * #PCISVAUnitOps. For what comes down the endpoint attaches its side
 * (#PCISVAEndpointOps) once, for all its PASIDs: invalidations that it may
 * complete later, and responses with their PASID and with codes as the guest
 * wrote them.
 *
 * Everything here runs under the BQL. Neither side calls the other from inside
 * a call of the other, with one exception: the unit sends invalidations and
 * responses while the guest's write to the unit's registers is served, and the
 * endpoint may then complete that invalidation before it returns.
 */

#ifndef HW_PCI_PCI_SVA_H
#define HW_PCI_PCI_SVA_H

#include "exec/memory.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"     /* PCI_NO_PASID */

/*
 * IOMMUTLBEntry.perm of a translation, besides IOMMU_RO and IOMMU_WO: rights to
 * execute, rights are those of privileged requests, the page may be cached for
 * every PASID, and U, no translated requests. Names and values are those that
 * QEMU 10.2 has in IOMMUAccessFlags.
 */
enum {
    IOMMU_EXEC = 4,
    IOMMU_PRIV = 8,
    IOMMU_GLOBAL = 16,
    IOMMU_UNTRANSLATED_ONLY = 32,
};

/** PCISVAType: address type (AT) of a memory request */
typedef enum PCISVAType {
    PCI_SVA_UNTRANSLATED,       /* AT 00b */
    PCI_SVA_TRANSLATION,        /* AT 01b, asks for a translation only */
    PCI_SVA_TRANSLATED,         /* AT 10b, the address is already physical */
} PCISVAType;

/** PCISVAStatus: how a request ended */
typedef enum PCISVAStatus {
    PCI_SVA_OK,
    PCI_SVA_FAULT,              /* untranslated or translated request blocked */
    PCI_SVA_UR,                 /* completion: unsupported request */
    PCI_SVA_CA,                 /* completion: completer abort */
    PCI_SVA_UNSUPPORTED,        /* no unit here that knows this interface */
} PCISVAStatus;

/** PCISVAResponse: response code of a page request group */
typedef enum PCISVAResponse {
    PCI_SVA_RESP_SUCCESS = 0x0,
    PCI_SVA_RESP_INVALID = 0x1,
    PCI_SVA_RESP_FAILURE = 0xf,
} PCISVAResponse;

/**
 * PCISVARequest: a memory request as the endpoint sends it
 *
 * @pasid: PASID prefix, or PCI_NO_PASID
 * @addr: first byte
 * @len: bytes, at least 1; more pages than fit into the caller's ranges are
 *       left for the next call
 * @type: address type
 * @devfn_offset: added to the function number, so that a misbehaving endpoint
 *                can use the requester id of another function; normally 0
 * @read, @write: wanted rights; of no meaning for a translation request
 * @exec, @priv: Execute Requested, Privileged Mode Requested
 * @no_write: NW, a translation request that does not ask for write right; then
 *            no dirty bit is set
 * @atomic: AtomicOp, needs read and write right and is logged as such
 */
typedef struct PCISVARequest {
    uint32_t pasid;
    uint64_t addr;
    uint64_t len;
    PCISVAType type;
    uint8_t devfn_offset;
    bool read;
    bool write;
    bool exec;
    bool priv;
    bool no_write;
    bool atomic;
} PCISVARequest;

/**
 * PCISVARange: one translated page
 *
 * @iova: first address of the page, aligned to @size
 * @addr: where it is in @as
 * @size: bytes, a power of two
 * @as: address space of @addr; the memory of the machine, except for
 *      interrupt messages
 * @read, @write, @exec: granted rights; a translation request that completes
 *                       without rights found no page
 * @priv: rights are those of privileged requests
 * @global: the page may be cached for every PASID
 * @untranslated_only: U, the page must not be accessed by translated requests
 */
typedef struct PCISVARange {
    hwaddr iova;
    hwaddr addr;
    hwaddr size;
    AddressSpace *as;
    bool read;
    bool write;
    bool exec;
    bool priv;
    bool global;
    bool untranslated_only;
} PCISVARange;

/**
 * PCISVAPageRequest: a page request message
 *
 * @pasid: PASID prefix, or PCI_NO_PASID
 * @addr: page address, low 12 bits ignored
 * @prgi: page request group index, 9 bits
 * @devfn_offset: as in #PCISVARequest
 * @read, @write, @exec, @priv: wanted rights
 * @last: last request of the group. A last request without read and write is
 *        a stop marker and gets no response.
 */
typedef struct PCISVAPageRequest {
    uint32_t pasid;
    uint64_t addr;
    uint16_t prgi;
    uint8_t devfn_offset;
    bool read;
    bool write;
    bool exec;
    bool priv;
    bool last;
} PCISVAPageRequest;

/**
 * PCISVAInvalidation: an ATS invalidation request
 *
 * @pasid: PASID whose translations go, PCI_NO_PASID for those without PASID
 * @addr: first address, aligned to @size
 * @size: bytes, a power of two, at least 4096; 0 means all addresses
 * @global: translations of every PASID go (those with @global set when they
 *          were granted)
 * @cookie: names this invalidation in pci_sva_inv_done()
 */
typedef struct PCISVAInvalidation {
    uint32_t pasid;
    hwaddr addr;
    hwaddr size;
    bool global;
    uint32_t cookie;
} PCISVAInvalidation;

/**
 * PCISVAEndpointOps: what the unit calls
 *
 * @invalidate: drop translations. Returns true when no access with them is
 *              under way any more; false when pci_sva_inv_done() will say so.
 * @prg_response: a page request group was answered. Never called from inside
 *                pci_sva_page_request(). @pasid is PCI_NO_PASID for a response
 *                without PASID; @code is 4 bits as the guest wrote them.
 */
typedef struct PCISVAEndpointOps {
    bool (*invalidate)(void *opaque, const PCISVAInvalidation *inv);
    void (*prg_response)(void *opaque, uint32_t pasid, uint16_t prgi,
                         uint8_t code);
} PCISVAEndpointOps;

/**
 * PCISVAStats: what the unit counted since its reset
 *
 * @stale_hits: cached translations used that memory no longer grants
 *              (only with the unit's x-check-stale)
 * @pfsid_mismatches: device-TLB invalidations with a wrong PFSID
 * @unexpected_completions: invalidation completions nobody waited for
 * @faults: faults recorded, including those lost to overflow
 * @page_requests: page requests written to the queue
 * @auto_responses: responses that the unit made itself
 * @descriptors: descriptors of the invalidation queue served, but for @waits
 * @waits: wait descriptors served that tell software, by status or interrupt
 */
typedef struct PCISVAStats {
    uint64_t stale_hits;
    uint64_t pfsid_mismatches;
    uint64_t unexpected_completions;
    uint64_t faults;
    uint64_t page_requests;
    uint64_t auto_responses;
    uint64_t descriptors;
    uint64_t waits;
} PCISVAStats;

/**
 * PCISVAUnitOps: what an IOMMU implements besides the members of #PCIIOMMUOps
 *
 * The argument @opaque of each is #PCIBus.iommu_opaque. A unit without ATS
 * needs no more than @translate.
 *
 * @attach, @detach: an endpoint comes and goes
 * @translate: serve an untranslated or translated request
 * @stale: see pci_sva_stale()
 * @inv_done: an endpoint completes an invalidation
 * @get_stats: read the counters
 */
typedef struct PCISVAUnitOps {
    bool (*attach)(void *opaque, PCIDevice *dev, const PCISVAEndpointOps *ops,
                   void *ep_opaque);
    void (*detach)(void *opaque, PCIDevice *dev);
    PCISVAStatus (*translate)(void *opaque, PCIDevice *dev,
                              const PCISVARequest *req,
                              PCISVARange *ranges, unsigned *nranges);
    bool (*stale)(void *opaque, PCIDevice *dev, const PCISVARequest *req,
                  const PCISVARange *cached);
    void (*inv_done)(void *opaque, PCIDevice *dev, uint32_t cookie);
    void (*get_stats)(void *opaque, PCISVAStats *stats);
} PCISVAUnitOps;

/**
 * pci_sva_attach: make an endpoint known to the unit above it
 *
 * @dev: the endpoint; call this from its realize function
 * @ops: its side of the interface, must outlive the attachment
 * @opaque: passed to @ops
 *
 * Returns: true if there is such a unit. Without one the endpoint can only use
 * ordinary DMA; every other call here is harmless then.
 */
bool pci_sva_attach(PCIDevice *dev, const PCISVAEndpointOps *ops,
                    void *opaque);

/** pci_sva_detach: forget the endpoint; no callback comes afterwards */
void pci_sva_detach(PCIDevice *dev);

/**
 * pci_sva_translate: send a memory or translation request to the unit
 *
 * @dev: the endpoint
 * @req: the request
 * @ranges: filled with the pages from @req->addr on, in order and without gaps
 * @nranges: room in @ranges on entry (at least 1), pages filled on return
 *
 * A page after the first that cannot be had ends the list; it is reported when
 * it is asked for as the first one. A translated request is checked and gives
 * one range, the whole physical space.
 *
 * Returns: PCI_SVA_OK with one or more ranges, or why there is none. Faults are
 * recorded by the unit before this returns.
 */
PCISVAStatus pci_sva_translate(PCIDevice *dev, const PCISVARequest *req,
                               PCISVARange *ranges, unsigned *nranges);

/**
 * pci_sva_stale: would a translation still be granted?
 *
 * @dev: the endpoint
 * @req: the request that is about to use the cached translation
 * @cached: what the endpoint's translation cache holds
 *
 * Call this on each hit in the endpoint's cache. Costs nothing unless the unit
 * checks for stale translations.
 *
 * Returns: true, and counts it, if the tables in memory say otherwise.
 */
bool pci_sva_stale(PCIDevice *dev, const PCISVARequest *req,
                   const PCISVARange *cached);

/** pci_sva_page_request: send a page request or a stop marker */
void pci_sva_page_request(PCIDevice *dev, const PCISVAPageRequest *req);

/** pci_sva_inv_done: complete a pending invalidation, or one never asked for */
void pci_sva_inv_done(PCIDevice *dev, uint32_t cookie);

/** pci_sva_get_stats: counters of the unit above @dev, zero without one */
void pci_sva_get_stats(PCIDevice *dev, PCISVAStats *stats);

#endif
