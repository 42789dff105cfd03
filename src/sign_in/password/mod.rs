//! Password hashes in Magento's formats, and the pool that computes them.
