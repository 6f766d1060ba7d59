"""The network: connections that speak in lines, who stands behind a load balancer, DNS, HTTPS, places of peers."""
