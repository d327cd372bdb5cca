"""What every benchmark needs: work to do, a fair comparison, and the report."""
